// SPDX-License-Identifier: Apache-2.0
#include "kernel/sock_diag.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include "kernel/sockets.hpp"

namespace relinkd::kernel {
namespace {

/// TCP_ESTABLISHED of netinet/tcp.h, which does not go together with linux/tcp.h.
constexpr std::uint8_t kEstablished = 1;

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
  m.idiag_state = kEstablished;
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

std::string attribute_of(std::uint16_t type, const std::string& content) {
  const rtattr head{static_cast<std::uint16_t>(RTA_LENGTH(content.size())), type};
  std::string text = bytes_of(head) + content;
  text.resize(RTA_ALIGN(text.size()), '\0');
  return text;
}

/// What read_answer() makes of a datagram of the request with number 7.
struct Reading {
  explicit Reading(const std::string& datagram) : result(read_answer(datagram, 7, sockets)) {}
  std::vector<TcpSocket> sockets;
  Result<bool> result;
};

/// What it makes of such a TCP_INFO.
TcpFacts facts_from(const std::string& info) {
  const Reading reading(
      message(SOCK_DIAG_BY_FAMILY, 7, socket_message(1) + attribute_of(INET_DIAG_INFO, info)));
  EXPECT_EQ(reading.sockets.size(), 1U);
  return reading.sockets.at(0).facts;
}

TEST(ReadAnswer, TellsASocket) {
  const Reading reading(listed(42));
  ASSERT_TRUE(reading.result);
  ASSERT_EQ(reading.sockets.size(), 1U);
  const TcpSocket& socket = reading.sockets[0];
  EXPECT_EQ(socket.local.to_string(), "10.0.0.1:40000");
  EXPECT_EQ(socket.remote.to_string(), "10.0.0.7:6379");
  EXPECT_EQ(socket.state, kEstablished);
  EXPECT_EQ(socket.uid, 1000U);
  EXPECT_EQ(socket.inode, 42U);
  EXPECT_EQ(socket.cookie, 0x0123456789abcdefU);
}

TEST(ReadAnswer, TheListEndsWithDoneOnly) {
  EXPECT_FALSE(*Reading(listed(1) + listed(2)).result);
  EXPECT_TRUE(*Reading(listed(1) + listed(2) + done()).result);
  EXPECT_TRUE(*Reading(done()).result);
  EXPECT_FALSE(*Reading("").result);
}

TEST(ReadAnswer, TellsTheFamilyOfASocketWhoseAddressesAreMapped) {
  inet_diag_msg m{};
  m.idiag_family = AF_INET6;
  for (auto* words : {m.id.idiag_src, m.id.idiag_dst}) {
    words[2] = htonl(0xffff);
    words[3] = htonl(0x0a000007);
  }
  const Reading reading(message(SOCK_DIAG_BY_FAMILY, 7, bytes_of(m)));
  ASSERT_EQ(reading.sockets.size(), 1U);
  EXPECT_EQ(reading.sockets[0].remote.host(), "10.0.0.7");
  EXPECT_TRUE(reading.sockets[0].v6);
  EXPECT_FALSE(Reading(listed(1)).sockets[0].v6);
}

TEST(ReadAnswer, TellsTheQueuesTheTimerTheInterfaceAndTheCgroup) {
  inet_diag_msg m{};
  m.idiag_family = AF_INET;
  m.idiag_timer = 2;
  m.idiag_expires = 4321;
  m.idiag_rqueue = 5;
  m.idiag_wqueue = 6;
  m.id.idiag_if = 3;
  const std::string cgroup = attribute_of(INET_DIAG_CGROUP_ID, bytes_of(0x100000042ULL));
  const Reading reading(message(SOCK_DIAG_BY_FAMILY, 7, bytes_of(m) + cgroup));
  ASSERT_EQ(reading.sockets.size(), 1U);
  const TcpSocket& socket = reading.sockets[0];
  EXPECT_EQ(socket.timer, 2U);
  EXPECT_EQ(socket.timer_left, 4321ms);
  EXPECT_EQ(socket.read_queue, 5U);
  EXPECT_EQ(socket.write_queue, 6U);
  EXPECT_EQ(socket.interface, 3U);
  EXPECT_EQ(socket.cgroup, 0x100000042U);
}

tcp_info example_info() {
  tcp_info info{};
  info.tcpi_retransmits = 3;
  info.tcpi_rto = 1'664'000;
  info.tcpi_unacked = 2;
  info.tcpi_last_data_sent = 10;
  info.tcpi_last_data_recv = 3012;
  info.tcpi_last_ack_recv = 2964;
  info.tcpi_rtt = 1500;
  info.tcpi_total_retrans = 4;
  info.tcpi_bytes_acked = 5'000'000'000;
  return info;
}
constexpr TcpFacts kExampleFacts{.unacked_segments = 2,
                                 .bytes_acked = 5'000'000'000,
                                 .total_retrans = 4,
                                 .retransmits = 3,
                                 .since_data_sent = 10ms,
                                 .since_data_received = 3012ms,
                                 .since_ack_received = 2964ms,
                                 .rto = 1664ms,
                                 .rtt = 1500us};

TEST(ReadAnswer, TellsOfTheTrafficWhatTheKernelGaveOfIt) {
  const std::string info = bytes_of(example_info());
  EXPECT_EQ(facts_from(info), kExampleFacts);
  EXPECT_EQ(facts_from(info + std::string(200, '\xff')), kExampleFacts) << "of a newer kernel";
  // As long as the structure was before tcpi_rtt came into it.
  TcpFacts older = kExampleFacts;
  older.rtt = {};
  older.total_retrans = 0;
  older.bytes_acked = 0;
  EXPECT_EQ(facts_from(info.substr(0, offsetof(tcp_info, tcpi_rtt))), older);
  EXPECT_EQ(facts_from(""), TcpFacts{});
}

TEST(ReadAnswer, WhatElseTheKernelAddsToASocketIsPassedOver) {
  const std::string others = attribute_of(INET_DIAG_SHUTDOWN, "\xff") +
                             attribute_of(INET_DIAG_CONG, "cubic") + attribute_of(0x3fff, "");
  const std::string info = attribute_of(INET_DIAG_INFO, bytes_of(example_info()));
  const Reading reading(
      message(SOCK_DIAG_BY_FAMILY, 7, socket_message(1) + others + info + others) + listed(2));
  ASSERT_TRUE(reading.result);
  ASSERT_EQ(reading.sockets.size(), 2U);
  EXPECT_EQ(reading.sockets[0].facts, kExampleFacts);
  EXPECT_EQ(reading.sockets[1].inode, 2U);
  EXPECT_EQ(reading.sockets[1].facts, TcpFacts{});
}

TEST(ReadAnswer, AnAttributeThatLiesAboutItsLengthTellsNothing) {
  const std::string info = attribute_of(INET_DIAG_INFO, bytes_of(example_info()));
  for (const std::uint16_t length :
       std::initializer_list<std::uint16_t>{0, 3, 4, 5, 109, 0x7fff, 0xffff}) {
    std::string lying = attribute_of(INET_DIAG_SHUTDOWN, "");
    std::memcpy(lying.data(), &length, sizeof length);
    lying.insert(0, socket_message(1)).append(info);
    const Reading reading(message(SOCK_DIAG_BY_FAMILY, 7, lying));
    ASSERT_TRUE(reading.result) << length;
    ASSERT_EQ(reading.sockets.size(), 1U);
    EXPECT_EQ(reading.sockets[0].facts, length == 4 ? kExampleFacts : TcpFacts{}) << length;
  }
  const std::string cut = attribute_of(INET_DIAG_CGROUP_ID, std::string(7, '\xff'));
  EXPECT_EQ(Reading(message(SOCK_DIAG_BY_FAMILY, 7, socket_message(1) + cut)).sockets[0].cgroup,
            0U);
}

TEST(ReadAnswer, OfAnotherFamilyIsAnError) {
  inet_diag_msg m{};
  m.idiag_family = AF_UNIX;
  const Reading reading(message(SOCK_DIAG_BY_FAMILY, 7, bytes_of(m)));
  ASSERT_FALSE(reading.result);
  EXPECT_EQ(reading.result.error().code, EPROTO);
}

TEST(ReadAnswer, ToAQuestionForOneSocketIsCompleteWithIt) {
  const Reading found(message(SOCK_DIAG_BY_FAMILY, 7, socket_message(1), 0));
  ASSERT_TRUE(found.result);
  EXPECT_TRUE(*found.result);
  EXPECT_EQ(found.sockets.size(), 1U);
  const Reading gone(message(NLMSG_ERROR, 7, bytes_of(nlmsgerr{-ENOENT, {}}), 0));
  ASSERT_FALSE(gone.result);
  EXPECT_EQ(gone.result.error().code, ENOENT);
}

TEST(ReadAnswer, ToAnOrderIsAnAcknowledgement) {
  const Reading done(message(NLMSG_ERROR, 7, bytes_of(nlmsgerr{0, {}}), 0));
  ASSERT_TRUE(done.result);
  EXPECT_TRUE(*done.result);
  EXPECT_TRUE(done.sockets.empty());
}

TEST(ReadAnswer, AnswersToOtherQuestionsArePassedOver) {
  const Reading reading(listed(1, 6) + done(0, 6) + listed(2) + done(-EINVAL, 8));
  ASSERT_TRUE(reading.result);
  EXPECT_FALSE(*reading.result);
  ASSERT_EQ(reading.sockets.size(), 1U);
  EXPECT_EQ(reading.sockets[0].inode, 2U);
}

TEST(ReadAnswer, ARefusalIsTheKernelsErrno) {
  for (const auto& refusal :
       {done(-EPERM), message(NLMSG_ERROR, 7, bytes_of(nlmsgerr{-EPERM, {}}))}) {
    const Reading reading(refusal);
    ASSERT_FALSE(reading.result);
    EXPECT_EQ(reading.result.error().code, EPERM);
    EXPECT_EQ(reading.result.error().message,
              "the kernel does not list TCP sockets: Operation not permitted");
  }
}

TEST(ReadAnswer, AListThatChangedMeanwhileMustBeAskedForAgain) {
  for (const auto& interrupted :
       {message(SOCK_DIAG_BY_FAMILY, 7, socket_message(1), NLM_F_MULTI | NLM_F_DUMP_INTR),
        message(NLMSG_DONE, 7, bytes_of(0), NLM_F_MULTI | NLM_F_DUMP_INTR)}) {
    const Reading reading(interrupted);
    ASSERT_FALSE(reading.result);
    EXPECT_EQ(reading.result.error().code, EINTR);
  }
}

TEST(ReadAnswer, AMessageCutAnywhereIsAnError) {
  for (const auto& whole : {listed(1), done()}) {
    for (std::size_t size = 1; size < whole.size(); ++size) {
      const Reading reading(whole.substr(0, size));
      ASSERT_FALSE(reading.result) << size;
      EXPECT_EQ(reading.result.error().code, EPROTO);
      EXPECT_TRUE(reading.sockets.empty());
    }
  }
}

TEST(ReadAnswer, AMessageThatGivesAWrongLengthIsAnError) {
  for (const std::uint32_t length : {0U, 15U, 16U, 87U, 89U, 0xffffffffU}) {
    std::string text = listed(1);
    std::memcpy(text.data(), &length, sizeof length);
    const Reading reading(text);
    ASSERT_FALSE(reading.result) << length;
    EXPECT_EQ(reading.result.error().code, EPROTO);
  }
}

nlmsghdr header_of(const std::string& request) {
  nlmsghdr header{};
  EXPECT_GE(request.size(), sizeof header);
  std::memcpy(&header, request.data(), sizeof header);
  return header;
}

inet_diag_req_v2 query_of(const std::string& request) {
  inet_diag_req_v2 query{};
  EXPECT_EQ(request.size(), NLMSG_LENGTH(sizeof query));
  std::memcpy(&query, request.data() + NLMSG_HDRLEN, sizeof query);
  return query;
}

TcpSocket example_socket() {
  TcpSocket socket;
  socket.local = *Address::parse("10.0.0.1", 40'000);
  socket.remote = *Address::parse("10.0.0.7", 6379);
  socket.interface = 3;
  socket.cookie = 0x0123456789abcdefU;
  return socket;
}

TEST(Requests, GiveTheirOwnLengthAndTakeASequenceNumber) {
  std::vector<std::string> requests{find_request(example_socket()),
                                    destroy_request(example_socket()), privileged_request()};
  for (const std::size_t count : {std::size_t{1}, std::size_t{2}, SocketLister::kMaxRemotes}) {
    std::vector<Address> remotes(count, *Address::parse("2001:db8::7", 6379));
    remotes.front() = *Address::parse("10.0.0.7", 6379);
    requests.push_back(dump_request(remotes));
  }
  for (std::string& request : requests) {
    EXPECT_EQ(header_of(request).nlmsg_seq, 0U);
    set_sequence(request, 7);
    EXPECT_EQ(header_of(request).nlmsg_seq, 7U);
    EXPECT_EQ(header_of(request).nlmsg_len, request.size());
    EXPECT_EQ(request.size() % 4, 0U);
  }
}

TEST(Requests, ForOneSocketNameItsTupleItsInterfaceAndItsCookie) {
  for (const auto& request : {find_request(example_socket()), destroy_request(example_socket())}) {
    const inet_diag_req_v2 query = query_of(request);
    EXPECT_EQ(query.sdiag_family, AF_INET);
    EXPECT_EQ(query.sdiag_protocol, IPPROTO_TCP);
    EXPECT_EQ(query.id.idiag_sport, htons(40'000));
    EXPECT_EQ(query.id.idiag_dport, htons(6379));
    EXPECT_EQ(query.id.idiag_src[0], htonl(0x0a000001));
    EXPECT_EQ(query.id.idiag_dst[0], htonl(0x0a000007));
    EXPECT_EQ(query.id.idiag_if, 3U);
    EXPECT_EQ(query.id.idiag_cookie[0], 0x89abcdefU);
    EXPECT_EQ(query.id.idiag_cookie[1], 0x01234567U);
  }
}

TEST(Requests, ForASocketOfTheIPv6FamilyMapIPv4Addresses) {
  TcpSocket socket = example_socket();
  socket.v6 = true;
  const inet_diag_req_v2 query = query_of(find_request(socket));
  EXPECT_EQ(query.sdiag_family, AF_INET6);
  for (const auto* words : {query.id.idiag_src, query.id.idiag_dst}) {
    EXPECT_EQ(words[0], 0U);
    EXPECT_EQ(words[1], 0U);
    EXPECT_EQ(words[2], htonl(0xffff));
  }
  EXPECT_EQ(query.id.idiag_src[3], htonl(0x0a000001));
  EXPECT_EQ(query.id.idiag_dst[3], htonl(0x0a000007));
  socket.remote = *Address::parse("2001:db8::7", 6379);
  EXPECT_EQ(query_of(find_request(socket)).id.idiag_dst[0], htonl(0x20010db8));
}

TEST(Requests, OnlyAnOrderDestroysAndItsDoingIsAcknowledged) {
  const nlmsghdr order = header_of(destroy_request(example_socket()));
  EXPECT_EQ(order.nlmsg_type, SOCK_DESTROY);
  EXPECT_EQ(order.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
  const std::vector<Address> remotes{*Address::parse("10.0.0.7", 6379)};
  for (const auto& question :
       {find_request(example_socket()), privileged_request(), dump_request(remotes)}) {
    EXPECT_NE(header_of(question).nlmsg_type, SOCK_DESTROY);
  }
}

}  // namespace
}  // namespace relinkd::kernel
