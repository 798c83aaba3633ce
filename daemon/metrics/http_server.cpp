// SPDX-License-Identifier: Apache-2.0
#include "metrics/http_server.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/address.hpp"
#include "base/text.hpp"
#include "loop/fd.hpp"
#include "metrics/render.hpp"

namespace relinkd::metrics {

namespace {

constexpr unsigned kMaxConnections = 64;
constexpr unsigned kMaxConnectionsPerAddress = 16;
constexpr std::size_t kMemoryPerConnection = 16'384;
/// What the kernel holds of an answer that is not read; it would grow to 4 MB (tcp_wmem).
constexpr int kSendBuffer = 131'072;
/// How long no connection is accepted when the host has no resources for it.
constexpr Duration kAcceptPause = 1s;
/// Connections accepted in one turn of the loop.
constexpr int kAcceptBatch = 16;

constexpr std::string_view kIndex =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><title>relinkd</title></head>"
    "<body><h1>relinkd</h1><p><a href=\"/metrics\">Metrics</a></p></body></html>\n";

/// An address for bind(2).
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress to_socket_address(const Address& address) {
  SocketAddress out;
  if (address.family() == Address::Family::IPv4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port());
    std::memcpy(&in.sin_addr, address.bytes().data(), sizeof in.sin_addr);
    std::memcpy(&out.storage, &in, sizeof in);
    out.size = sizeof in;
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(address.port());
    std::memcpy(&in.sin6_addr, address.bytes().data(), sizeof in.sin6_addr);
    std::memcpy(&out.storage, &in, sizeof in);
    out.size = sizeof in;
  }
  return out;
}

std::uint16_t port_of(const SocketAddress& address) {
  sockaddr_in in{};  // the port is at the same place in sockaddr_in6
  std::memcpy(&in, &address.storage, sizeof in);
  return ntohs(in.sin_port);
}

std::optional<Address> parse_listen(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const auto port = parse_u64(text.substr(colon + 1));
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  if (!port || *port > 65535 || brackets != (host.find(':') != std::string_view::npos)) {
    return std::nullopt;
  }
  return Address::parse(host, static_cast<std::uint16_t>(*port));
}

std::string_view next_step(int code) {
  switch (code) {
    case EADDRINUSE:
      return "another program, or another relinkd, has this port (`ss -ltnp` shows which)";
    case EADDRNOTAVAIL: return "this host does not have this address (`ip -br address`)";
    case EACCES: return "ports below 1024 are for privileged programs";
    default: return "set [metrics] listen to another address, or to \"\" to do without";
  }
}

struct Listener {
  loop::Fd fd;
  Address address;  ///< with the port that was taken
};

Result<Listener> open_listener(const std::string& listen) {
  const auto wanted = parse_listen(listen);
  if (!wanted) {
    return Error{"cannot serve metrics on \"" + listen +
                     "\": give an IP address and a port, as 127.0.0.1:10121 or [::1]:10121",
                 EINVAL};
  }
  const auto failed = [&listen](int code) {
    Error error = system_error(code, "cannot serve metrics on " + listen);
    error.message += fmt::format("; {}", next_step(code));
    return error;
  };
  SocketAddress address = to_socket_address(*wanted);
  loop::Fd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed(errno);
  const int on = 1;  // else connections of the run before keep the port for a minute
  if (setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      // Those that are accepted inherit it.
      setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer) != 0 ||
      bind(fd.get(), address.get(), address.size) != 0 ||
      ::listen(fd.get(), static_cast<int>(kMaxConnections)) != 0 ||
      getsockname(fd.get(), address.get(), &address.size) != 0) {
    return failed(errno);
  }
  return Listener{std::move(fd), wanted->with_port(port_of(address))};
}

/// What a body under way has still to send of the current piece.
struct Body {
  Scrape scrape;
  std::string piece{};
  std::size_t sent = 0;
};

ssize_t read_body(void* context, std::uint64_t /*position*/, char* buffer, std::size_t size) {
  auto* body = static_cast<Body*>(context);
  if (body->sent == body->piece.size()) {
    body->piece = body->scrape.next();
    body->sent = 0;
    if (body->piece.empty()) return MHD_CONTENT_READER_END_OF_STREAM;
  }
  const std::size_t n = body->piece.copy(buffer, size, body->sent);
  body->sent += n;
  return static_cast<ssize_t>(n);
}

struct ResponseDeleter {
  void operator()(MHD_Response* response) const { MHD_destroy_response(response); }
};
using Response = std::unique_ptr<MHD_Response, ResponseDeleter>;

/// A response with a body of static duration; nothing if memory lacks.
Response fixed_response(std::string_view body, const char* content_type) {
  Response response(MHD_create_response_from_buffer(
      body.size(), const_cast<char*>(body.data()),  // NOLINT(cppcoreguidelines-pro-type-const-cast)
      MHD_RESPMEM_PERSISTENT));
  if (response) {
    MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
  }
  return response;
}

Response metrics_response(const Numbers& numbers, bool head) {
  auto body = std::make_unique<Body>(Body{Scrape(numbers)});
  // 8 KB at a time: what libmicrohttpd takes from half of a connection's memory.
  Response response(MHD_create_response_from_callback(
      MHD_SIZE_UNKNOWN, kMemoryPerConnection / 2, &read_body, body.get(),
      [](void* context) { delete static_cast<Body*>(context); }));
  if (!response) return response;
  // libmicrohttpd 0.9.75 ends even the answer to HEAD by an empty chunk, which the client would
  // take for the beginning of the next answer. Without chunks it closes the connection instead.
  if (head) {
    MHD_set_response_options(response.get(), MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
  }
  body.release();  // NOLINT(bugprone-unused-return-value): the response deletes it
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONTENT_TYPE,
                          "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

}  // namespace

struct HttpServer::State {
  loop::Loop& loop;
  const Numbers& numbers;
  HttpLimits limits;
  Listener listener;
  std::string url;
  MHD_Daemon* daemon = nullptr;
  loop::Fd reserve{};
  std::optional<loop::FdWatch> accepting{};
  std::optional<loop::FdWatch> connections{};
  loop::Deadline next_run;  ///< libmicrohttpd has more to do then
  loop::Deadline accept_again;

  State(loop::Loop& l, const Numbers& n, const HttpLimits& h, Listener from)
      : loop(l),
        numbers(n),
        limits(h),
        listener(std::move(from)),
        url("http://" + listener.address.to_string() + "/metrics"),
        next_run(l.deadlines(), [this] { run(); }),
        accept_again(l.deadlines(), [this] { accepting->want(EPOLLIN); }) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    accepting.reset();
    connections.reset();
    if (daemon != nullptr) MHD_stop_daemon(daemon);
  }

  Result<void> start();
  void fill_reserve();
  int accept_one(SocketAddress& from);
  void accept_waiting();
  void run();
  MHD_Result answer(MHD_Connection* connection, std::string_view path, std::string_view method);
  void client_came(MHD_Connection* connection, void** context);
  static void client_went(void** context);
};

Result<void> HttpServer::State::start() {
  const auto on_request = [](void* self, MHD_Connection* connection, const char* path,
                             const char* method, const char*, const char*, std::size_t* uploaded,
                             void** request) {
    // An answer at the first call, before a body could have come, costs the client its connection.
    const bool reads = std::string_view(method) == MHD_HTTP_METHOD_GET ||
                       std::string_view(method) == MHD_HTTP_METHOD_HEAD;
    const bool first_call = std::exchange(*request, self) == nullptr;
    const bool has_body = std::exchange(*uploaded, 0) > 0;
    if (reads && (first_call || has_body)) return MHD_YES;
    return static_cast<State*>(self)->answer(connection, path, method);
  };
  const auto on_answered = [](void* self, MHD_Connection* connection, void**,
                              MHD_RequestTerminationCode) {
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (info == nullptr || info->socket_context == nullptr) return;
    static_cast<loop::Deadline*>(info->socket_context)
        ->set(loop::Loop::clock() + static_cast<State*>(self)->limits.exchange);
  };
  const auto on_connection = [](void* self, MHD_Connection* connection, void** context,
                                MHD_ConnectionNotificationCode what) {
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
      static_cast<State*>(self)->client_came(connection, context);
    } else {
      client_went(context);
    }
  };
  // No listening socket of libmicrohttpd's own: it would try to accept without a pause while no
  // file descriptor is left. Without MHD_USE_ERROR_LOG it writes nothing to standard error.
  daemon = MHD_start_daemon(
      MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, nullptr, nullptr,
      static_cast<MHD_AccessHandlerCallback>(on_request), this, MHD_OPTION_NOTIFY_COMPLETED,
      static_cast<MHD_RequestCompletedCallback>(on_answered), this, MHD_OPTION_NOTIFY_CONNECTION,
      static_cast<MHD_NotifyConnectionCallback>(on_connection), this, MHD_OPTION_CONNECTION_LIMIT,
      kMaxConnections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, kMaxConnectionsPerAddress,
      MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(limits.silence.count()),
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMemoryPerConnection, MHD_OPTION_END);
  if (daemon == nullptr) return system_error(errno, "cannot start the HTTP server for metrics");
  const auto* info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
  if (info == nullptr) return Error{"this libmicrohttpd was built without epoll", ENOSYS};
  connections.emplace(loop, info->epoll_fd, EPOLLIN, [this](std::uint32_t) { run(); });
  accepting.emplace(loop, listener.fd.get(), EPOLLIN, [this](std::uint32_t) { accept_waiting(); });
  fill_reserve();
  return {};
}

void HttpServer::State::fill_reserve() {
  if (reserve) return;
  reserve.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (reserve && accept_again.due() != kNever) accept_again.set(loop::Loop::clock());
}

int HttpServer::State::accept_one(SocketAddress& from) {
  from.size = sizeof from.storage;
  return accept4(listener.fd.get(), from.get(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

void HttpServer::State::accept_waiting() {
  for (int i = 0; i < kAcceptBatch; ++i) {
    SocketAddress from;
    int fd = accept_one(from);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE) && reserve) {
      reserve.reset();
      fd = accept_one(from);
    }
    if (fd >= 0) {
      // Refused or not, the descriptor is libmicrohttpd's now.
      MHD_add_connection(daemon, fd, from.get(), from.size);
      continue;
    }
    if (errno == EAGAIN) break;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // Those who wait stay in the queue. Without the pause the loop would spin.
      accepting->want(0);
      accept_again.set(loop::Loop::clock() + kAcceptPause);
      break;
    }
    // The others are faults of the connection that was to be accepted (accept(2)).
  }
  run();
}

void HttpServer::State::run() {
  MHD_run(daemon);
  fill_reserve();
  MHD_UNSIGNED_LONG_LONG ms = 0;
  if (MHD_get_timeout(daemon, &ms) == MHD_YES) {
    // 0 while a connection can be written on at once: that is for the next turn, after the probes.
    next_run.set(loop::Loop::clock() + std::chrono::milliseconds(ms));
  } else {
    next_run.clear();
  }
}

MHD_Result HttpServer::State::answer(MHD_Connection* connection, std::string_view path,
                                     std::string_view method) {
  const bool head = method == MHD_HTTP_METHOD_HEAD;
  const bool metrics = path == "/metrics";
  unsigned status = MHD_HTTP_OK;
  Response response;
  if (!metrics && path != "/") {
    status = MHD_HTTP_NOT_FOUND;
    response = fixed_response("Not found. The metrics are at /metrics.\n", "text/plain");
  } else if (!head && method != MHD_HTTP_METHOD_GET) {
    status = MHD_HTTP_METHOD_NOT_ALLOWED;
    response = fixed_response("Only GET and HEAD.\n", "text/plain");
    if (response) MHD_add_response_header(response.get(), MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  } else if (metrics) {
    response = metrics_response(numbers, head);
  } else {
    response = fixed_response(kIndex, "text/html; charset=utf-8");
  }
  return response ? MHD_queue_response(connection, status, response.get()) : MHD_NO;
}

void HttpServer::State::client_came(MHD_Connection* connection, void** context) {
  const int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  // libmicrohttpd sees the end of the stream then, and closes; with a reset, so that the kernel
  // does not keep what the client has not read.
  auto exchange = std::make_unique<loop::Deadline>(loop.deadlines(), [fd] {
    const linger reset{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    shutdown(fd, SHUT_RDWR);
  });
  exchange->set(loop::Loop::clock() + limits.exchange);
  *context = exchange.release();
}

void HttpServer::State::client_went(void** context) {
  delete static_cast<loop::Deadline*>(*context);
  *context = nullptr;
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(loop::Loop& loop, const std::string& listen,
                                                      const Numbers& numbers,
                                                      const HttpLimits& limits) {
  auto listener = open_listener(listen);
  if (!listener) return listener.error();
  auto state = std::make_unique<State>(loop, numbers, limits, std::move(listener).value());
  if (const auto started = state->start(); !started) return started.error();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

const std::string& HttpServer::url() const { return state_->url; }

}  // namespace relinkd::metrics
