// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/framing.hpp"
#include "control/server.hpp"
#include "loop/fd.hpp"
#include "loop/unix_address.hpp"
#include "support/control_service.hpp"
#include "support/loop_test.hpp"

namespace relinkd::testing {

/// A peer that says what it likes: bytes out, messages in, with patience but no end of it.
class RawPeer {
 public:
  explicit RawPeer(const std::string& path)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    connect(path);
  }
  /// Not connected yet.
  RawPeer() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}

  void connect(const std::string& path) {
    const auto address = loop::UnixAddress::make(path);
    if (::connect(fd_.get(), address->get(), address->size()) != 0) {
      throw std::runtime_error("cannot connect to " + path);
    }
  }

  /// False if the server has closed the connection.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  bool call(const std::string& text) { return send(text + '\0'); }
  void half_close() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

  /// The next message, or nothing at the end of the connection.
  std::optional<std::string> next() {
    for (;;) {
      if (auto message = framing_.next()) return message;
      pollfd wait{.fd = fd_.get(), .events = POLLIN, .revents = 0};
      if (poll(&wait, 1, 30'000) != 1) throw std::runtime_error("no message came");
      std::array<char, 65536> bytes;
      const ssize_t n = recv(fd_.get(), bytes.data(), bytes.size(), 0);
      if (n <= 0) return std::nullopt;
      framing_.append({bytes.data(), static_cast<std::size_t>(n)});
    }
  }

 private:
  loop::Fd fd_;
  control::Framing framing_{std::size_t{64} * 1024 * 1024};
};

/// A server on a loop in this thread, and what its peers do in another.
class ControlTest : public LoopTest {
 protected:
  ControlTest() {
    std::string name = (std::filesystem::temp_directory_path() / "relinkd-ctl-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder = name;
    path = (folder / "control.sock").string();
  }
  ~ControlTest() override {
    server.reset();
    std::filesystem::remove_all(folder);
  }

  void start(const control::Limits& limits = {}) {
    auto started = control::Server::start(loop(), path, service, limits);
    if (!started) throw std::runtime_error(started.error().message);
    server = *std::move(started);
  }

  /// Runs the loop until `talk`, in a thread of its own, has returned.
  void with_peer(const std::function<void()>& talk) {
    loop::FdWatch orders(loop(), wake_.get(), EPOLLIN, [this](std::uint32_t) { carry_out(); });
    std::thread peer([&] {
      try {
        talk();
      } catch (const std::exception& e) {
        ADD_FAILURE() << e.what();
      }
      on_loop([this] { done(); });
    });
    run();
    peer.join();
  }

  /// From the peers' thread: has the loop's thread do something, later.
  void on_loop(std::function<void()> action) {
    const std::lock_guard guard(lock_);
    actions_.push_back(std::move(action));
    const std::uint64_t one = 1;
    ASSERT_EQ(write(wake_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }

  std::filesystem::path folder;
  std::string path;
  ControlService service;
  std::unique_ptr<control::Server> server;

 private:
  void carry_out() {
    std::deque<std::function<void()>> actions;
    {
      const std::lock_guard guard(lock_);
      std::uint64_t count = 0;
      ASSERT_EQ(read(wake_.get(), &count, sizeof count), static_cast<ssize_t>(sizeof count));
      actions.swap(actions_);
    }
    for (const auto& action : actions) action();
  }

  loop::Fd wake_{eventfd(0, EFD_CLOEXEC)};
  std::mutex lock_;
  std::deque<std::function<void()>> actions_;
};

inline constexpr const char* kGetStatus = R"({"method":"io.relinkd.GetStatus"})";
inline constexpr const char* kFollowEvents = R"({"method":"io.relinkd.GetEvents","more":true})";
inline constexpr const char* kSubscribe = R"({"method":"io.relinkd.Subscribe","more":true})";
inline constexpr const char* kGetInfo = R"({"method":"org.varlink.service.GetInfo"})";

}  // namespace relinkd::testing
