// SPDX-License-Identifier: Apache-2.0
#include "kernel/sock_diag.hpp"

#include <cerrno>
#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace relinkd::kernel {
namespace {

template <typename T>
std::string bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string message(std::uint16_t type, std::uint32_t sequence, const std::string& payload,
                    std::uint16_t flags = NLM_F_MULTI) {
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(payload.size()));
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  header.nlmsg_seq = sequence;
  std::string text = bytes_of(header) + payload;
  text.resize(NLMSG_ALIGN(text.size()), '\0');
  return text;
}

/// A socket of uid 1000 with this inode, from 10.0.0.1:40000 to 10.0.0.7:6379.
std::string socket_message(std::uint32_t inode) {
  inet_diag_msg m{};
  m.idiag_family = AF_INET;
  m.idiag_state = TCP_ESTABLISHED;
  m.id.idiag_sport = htons(40'000);
  m.id.idiag_dport = htons(6379);
  m.id.idiag_src[0] = htonl(0x0a000001);
  m.id.idiag_dst[0] = htonl(0x0a000007);
  m.id.idiag_cookie[0] = 0x89abcdef;
  m.id.idiag_cookie[1] = 0x01234567;
  m.idiag_uid = 1000;
  m.idiag_inode = inode;
  return bytes_of(m);
}

std::string listed(std::uint32_t inode, std::uint32_t sequence = 7) {
  return message(SOCK_DIAG_BY_FAMILY, sequence, socket_message(inode));
}
std::string done(int error = 0, std::uint32_t sequence = 7) {
  return message(NLMSG_DONE, sequence, bytes_of(error));
}

/// What read_dump() makes of a datagram of the request with number 7.
struct Reading {
  explicit Reading(const std::string& datagram) : result(read_dump(datagram, 7, sockets)) {}
  std::vector<TcpSocket> sockets;
  Result<bool> result;
};

TEST(ReadDump, TellsASocket) {
  const Reading reading(listed(42));
  ASSERT_TRUE(reading.result);
  ASSERT_EQ(reading.sockets.size(), 1U);
  const TcpSocket& socket = reading.sockets[0];
  EXPECT_EQ(socket.local.to_string(), "10.0.0.1:40000");
  EXPECT_EQ(socket.remote.to_string(), "10.0.0.7:6379");
  EXPECT_EQ(socket.state, TCP_ESTABLISHED);
  EXPECT_EQ(socket.uid, 1000U);
  EXPECT_EQ(socket.inode, 42U);
  EXPECT_EQ(socket.cookie, 0x0123456789abcdefU);
}

TEST(ReadDump, TheListEndsWithDoneOnly) {
  EXPECT_FALSE(*Reading(listed(1) + listed(2)).result);
  EXPECT_TRUE(*Reading(listed(1) + listed(2) + done()).result);
  EXPECT_TRUE(*Reading(done()).result);
  EXPECT_FALSE(*Reading("").result);
}

TEST(ReadDump, WhatTheKernelAddsToASocketIsPassedOver) {
  const std::string attribute("\x05\x00\x01\x00\xff", 5);
  const Reading reading(message(SOCK_DIAG_BY_FAMILY, 7, socket_message(1) + attribute) + listed(2));
  ASSERT_TRUE(reading.result);
  ASSERT_EQ(reading.sockets.size(), 2U);
  EXPECT_EQ(reading.sockets[1].inode, 2U);
}

TEST(ReadDump, AnswersToOtherQuestionsArePassedOver) {
  const Reading reading(listed(1, 6) + done(0, 6) + listed(2) + done(-EINVAL, 8));
  ASSERT_TRUE(reading.result);
  EXPECT_FALSE(*reading.result);
  ASSERT_EQ(reading.sockets.size(), 1U);
  EXPECT_EQ(reading.sockets[0].inode, 2U);
}

TEST(ReadDump, ARefusalIsTheKernelsErrno) {
  for (const auto& refusal :
       {done(-EPERM), message(NLMSG_ERROR, 7, bytes_of(nlmsgerr{-EPERM, {}}))}) {
    const Reading reading(refusal);
    ASSERT_FALSE(reading.result);
    EXPECT_EQ(reading.result.error().code, EPERM);
    EXPECT_EQ(reading.result.error().message,
              "the kernel does not list TCP sockets: Operation not permitted");
  }
}

TEST(ReadDump, AListThatChangedMeanwhileMustBeAskedForAgain) {
  for (const auto& interrupted :
       {message(SOCK_DIAG_BY_FAMILY, 7, socket_message(1), NLM_F_MULTI | NLM_F_DUMP_INTR),
        message(NLMSG_DONE, 7, bytes_of(0), NLM_F_MULTI | NLM_F_DUMP_INTR)}) {
    const Reading reading(interrupted);
    ASSERT_FALSE(reading.result);
    EXPECT_EQ(reading.result.error().code, EINTR);
  }
}

TEST(ReadDump, AMessageCutAnywhereIsAnError) {
  for (const auto& whole : {listed(1), done()}) {
    for (std::size_t size = 1; size < whole.size(); ++size) {
      const Reading reading(whole.substr(0, size));
      ASSERT_FALSE(reading.result) << size;
      EXPECT_EQ(reading.result.error().code, EPROTO);
      EXPECT_TRUE(reading.sockets.empty());
    }
  }
}

TEST(ReadDump, AMessageThatGivesAWrongLengthIsAnError) {
  for (const std::uint32_t length : {0U, 15U, 16U, 87U, 89U, 0xffffffffU}) {
    std::string text = listed(1);
    std::memcpy(text.data(), &length, sizeof length);
    const Reading reading(text);
    ASSERT_FALSE(reading.result) << length;
    EXPECT_EQ(reading.result.error().code, EPROTO);
  }
}

TEST(DumpRequest, GivesItsOwnLength) {
  for (const std::size_t count : {std::size_t{1}, std::size_t{2}, SocketLister::kMaxRemotes}) {
    std::vector<Address> remotes(count, *Address::parse("2001:db8::7", 6379));
    remotes.front() = *Address::parse("10.0.0.7", 6379);
    const std::string request = dump_request(AF_INET6, remotes, 7);
    nlmsghdr header{};
    ASSERT_GE(request.size(), sizeof header);
    std::memcpy(&header, request.data(), sizeof header);
    EXPECT_EQ(header.nlmsg_len, request.size());
    EXPECT_EQ(header.nlmsg_seq, 7U);
    EXPECT_EQ(request.size() % 4, 0U);
  }
}

}  // namespace
}  // namespace relinkd::kernel
