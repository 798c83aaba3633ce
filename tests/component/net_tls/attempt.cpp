// SPDX-License-Identifier: Apache-2.0
#include "attempt.hpp"

#include <array>
#include <csignal>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "loop/fd.hpp"
#include "loop/loop.hpp"

namespace relinkd::testing {

namespace {

loop::Fd connect_to(std::uint16_t port) {
  loop::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  keep_small_buffers(fd.get());
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
    throw std::runtime_error("the test's server does not listen");
  }
  fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  return fd;
}

/// A client as the daemon's connections are: it does what it can until the session wants to wait.
class Client {
 public:
  Client(loop::Loop& loop, net::TlsContext& context, std::uint16_t port,
         const AttemptOptions& options)
      : loop_(loop), options_(options), fd_(connect_to(port)) {
    auto session = net::TlsSession::make(context, fd_.get(), options.server_name);
    if (!session) throw std::runtime_error(session.error().message);
    session_ = std::move(session).value();
    watch_ = std::make_unique<loop::FdWatch>(loop_, fd_.get(), EPOLLIN | EPOLLOUT,
                                             [this](std::uint32_t) { work(); });
  }

  Attempt finish() {
    result_.failure = session_->failure();
    result_.expiry = session_->certificate_expiry();
    if (options_.shut_down) session_->shutdown();
    EXPECT_EQ(ERR_peek_error(), 0U) << "left in OpenSSL's error queue";
    return std::move(result_);
  }

 private:
  void work() {
    std::uint32_t wanted = EPOLLIN;
    if (!result_.handshake_done) {
      if (!carry_on(session_->handshake(), wanted)) return;
      result_.handshake_done = true;
    }
    while (sent_ < options_.send.size()) {
      // A copy each time: what is offered again may lie elsewhere in memory.
      const std::string rest = options_.send.substr(sent_, 100'000);
      const net::IoResult written = session_->write(rest);
      if (written.status == net::IoStatus::WantWrite) {
        ++result_.write_waits;
        wanted |= EPOLLOUT;
        break;
      }
      if (!carry_on(written, wanted)) return;
      sent_ += written.bytes;
    }
    for (;;) {
      std::array<char, 1000> buffer;
      const net::IoResult got = session_->read(buffer);
      if (got.status == net::IoStatus::WantRead) {
        result_.last = got;
        watch_->want(wanted);
        return;
      }
      if (!carry_on(got, wanted)) return;
      take({buffer.data(), got.bytes});
      if (greeted_ && result_.received.size() >= options_.expect) {
        end(got);
        return;
      }
    }
  }

  /// False if it cannot go on now, or ever.
  bool carry_on(const net::IoResult& result, std::uint32_t wanted) {
    result_.last = result;
    EXPECT_EQ(ERR_peek_error(), 0U) << "left in OpenSSL's error queue";
    switch (result.status) {
      case net::IoStatus::Done: return true;
      case net::IoStatus::WantRead: watch_->want(wanted); return false;
      case net::IoStatus::WantWrite: watch_->want(wanted | EPOLLOUT); return false;
      case net::IoStatus::Closed:
      case net::IoStatus::Failed: end(result); return false;
    }
    return false;
  }

  void take(std::string_view bytes) {
    if (!greeted_) {
      const std::size_t line = bytes.find('\n');
      result_.greeting += bytes.substr(0, line);
      if (line == std::string_view::npos) return;
      greeted_ = true;
      bytes.remove_prefix(line + 1);
    }
    result_.received += bytes;
  }

  void end(const net::IoResult& result) {
    result_.last = result;
    watch_->want(0);
    loop_.exit(0);
  }

  loop::Loop& loop_;
  const AttemptOptions& options_;
  loop::Fd fd_;
  std::unique_ptr<net::TlsSession> session_;
  std::unique_ptr<loop::FdWatch> watch_;
  std::size_t sent_ = 0;
  bool greeted_ = false;
  Attempt result_;
};

}  // namespace

Attempt attempt(net::TlsContext& context, std::uint16_t port, const AttemptOptions& options) {
  (void)std::signal(SIGPIPE, SIG_IGN);  // as the daemon does
  auto loop = loop::Loop::create();
  if (!loop) throw std::runtime_error(loop.error().message);
  Client client(**loop, context, port, options);
  loop::Deadline patience((*loop)->deadlines(), [&] { (*loop)->exit(0); });
  patience.set(loop::Loop::clock() + options.patience);
  EXPECT_TRUE((*loop)->run());
  return client.finish();
}

Attempt attempt(const config::Tls& settings, std::uint16_t port, const AttemptOptions& options) {
  const auto context = net::TlsContext::make(settings);
  if (!context) throw std::runtime_error(context.error().message);
  return attempt(**context, port, options);
}

const TestPki& TestPki::get() {
  static const TestPki pki;
  return pki;
}

}  // namespace relinkd::testing
