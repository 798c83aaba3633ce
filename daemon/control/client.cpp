// SPDX-License-Identifier: Apache-2.0
#include "control/client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "control/interface.hpp"
#include "loop/loop.hpp"
#include "loop/unix_address.hpp"

namespace relinkd::control {

namespace {

/// A living relinkd accepts and reads within milliseconds, so this only bounds a broken one.
constexpr timeval kSendTimeout{.tv_sec = 5, .tv_usec = 0};
/// Without an end: far enough away that the clock does not overflow.
constexpr Duration kForever = 24h * 365;

Error connect_error(int code, const std::string& path) {
  switch (code) {
    case ENOENT:
      return {fmt::format("relinkd is not running: systemctl start relinkd (no control socket at "
                          "{})",
                          path),
              code};
    case ECONNREFUSED:
      return {fmt::format("relinkd is not running: systemctl start relinkd (nobody answers on the "
                          "control socket {})",
                          path),
              code};
    case EACCES:
    case EPERM:
      return {
          fmt::format("permission denied on {}: your user is not in group relinkd; use sudo, or "
                      "usermod --append --groups relinkd USER, then log in anew",
                      path),
          code};
    case EAGAIN:
      return {fmt::format("relinkd does not accept connections on {}: journalctl --unit relinkd "
                          "tells why",
                          path),
              code};
    default: return system_error(code, fmt::format("cannot connect to {}", path));
  }
}

Error closed(const std::string& path) {
  return {fmt::format("relinkd closed the connection on {}: it was stopped, or it restarts", path),
          ECONNRESET};
}

Error error_of(const Reply& reply) {
  if (reply.error == "io.relinkd.PermissionDenied") {
    return {fmt::format("permission denied: {}", reply.reason), EPERM};
  }
  if (reply.error == "org.varlink.service.MethodNotFound" ||
      reply.error == "org.varlink.service.InterfaceNotFound") {
    return {
        fmt::format("the running relinkd does not know {}: it is of another version than this "
                    "relinkctl ({}). If it is older: systemctl restart relinkd; relinkctl status "
                    "says which one runs",
                    reply.reason, version())};
  }
  if (reply.error == "io.relinkd.TooManyConnections") {
    return {fmt::format("relinkd takes no more connections: {}; end a relinkctl or a subscriber "
                        "that need not run",
                        reply.reason),
            EBUSY};
  }
  return {reply.reason.empty() ? fmt::format("relinkd answers {}", reply.error)
                               : fmt::format("relinkd answers {}: {}", reply.error, reply.reason)};
}

}  // namespace

Result<Client> Client::connect(const std::string& path) {
  const auto address = loop::UnixAddress::make(path);
  if (!address) return address.error();
  loop::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return system_error(errno, "cannot make a socket");
  // Bounds connect() too, where the server's backlog is full (unix(7)).
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendTimeout, sizeof kSendTimeout);
  if (::connect(fd.get(), address->get(), address->size()) != 0) {
    return connect_error(errno, path);
  }
  return Client(std::move(fd), path);
}

Result<void> Client::send(const std::string& method, const std::string& parameters, bool more) {
  const auto message = encode_call(method, parameters, more);
  if (!message) return message.error();
  std::string_view left = *message;
  while (!left.empty()) {
    const ssize_t n = ::send(fd_.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    // Refused and closed already: the reason is waiting to be read.
    if (n < 0 && errno == EPIPE) return {};
    if (n < 0) return system_error(errno, fmt::format("cannot send to relinkd on {}", path_));
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<std::optional<std::string>> Client::receive(Duration timeout) {
  const MonoTime end = loop::Loop::clock() + std::min(timeout, kForever);
  for (;;) {
    if (auto message = framing_.next()) return take(*message);
    if (framing_.too_long()) return Error{"relinkd's answer is too long to be one"};
    const Duration left = std::max(end - loop::Loop::clock(), Duration::zero());
    pollfd wait{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    const timespec t{.tv_sec = left / 1s, .tv_nsec = (left % 1s).count()};
    const int r = ppoll(&wait, 1, &t, nullptr);
    if (r < 0 && errno != EINTR) return system_error(errno, "cannot wait for relinkd");
    if (r == 0) return std::optional<std::string>();
    if (r < 0) continue;
    std::array<char, std::size_t{64} * 1024> bytes;
    const ssize_t n = recv(fd_.get(), bytes.data(), bytes.size(), 0);
    if (n == 0 || (n < 0 && errno == ECONNRESET)) return closed(path_);
    if (n < 0 && errno != EINTR) return system_error(errno, "cannot read relinkd's answer");
    if (n > 0) framing_.append({bytes.data(), static_cast<std::size_t>(n)});
  }
}

Result<std::optional<std::string>> Client::take(const std::string& message) {
  auto reply = parse_reply(message);
  if (!reply) {
    return Error{
        fmt::format("{} is not relinkd's control socket: {}", path_, reply.error().message)};
  }
  if (!reply->error.empty()) return error_of(*reply);
  continues_ = reply->continues;
  return std::optional(std::move(reply->parameters));
}

Result<std::string> call(const std::string& path, const std::string& method,
                         const std::string& parameters, Duration timeout) {
  auto client = Client::connect(path);
  if (!client) return client.error();
  if (const auto sent = client->send(method, parameters, false); !sent) return sent.error();
  auto reply = client->receive(timeout);
  if (!reply) return reply.error();
  if (!*reply) {
    return Error{fmt::format("relinkd has not answered within {} on {}: systemctl status relinkd "
                             "shows whether it is alive",
                             to_text(timeout), path),
                 ETIMEDOUT};
  }
  return **std::move(reply);
}

}  // namespace relinkd::control
