// SPDX-License-Identifier: Apache-2.0
#include "metrics/http_server.hpp"

#include <cerrno>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <microhttpd.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "loop/fd.hpp"
#include "metrics/gate.hpp"
#include "metrics/listener.hpp"
#include "metrics/responses.hpp"

namespace relinkd::metrics {

namespace {

constexpr unsigned kMaxConnections = 64;
constexpr unsigned kMaxConnectionsPerAddress = 16;
constexpr std::size_t kMemoryPerConnection = 16'384;
/// What libmicrohttpd takes from half of a connection's memory.
constexpr std::size_t kPiece = kMemoryPerConnection / 2;
/// How long no connection is accepted when the host has no resources for it.
constexpr Duration kAcceptPause = 1s;
/// Connections accepted in one turn of the loop.
constexpr int kAcceptBatch = 16;
/// TLS connections accepted in a second; the others wait in the kernel's queue. A handshake is 2 to
/// 3 ms of processor time (measured) that a stranger can ask for.
constexpr int kHandshakesPerSecond = 50;
/// How often the files are looked at. What has changed is read when it has not since the look
/// before: a certificate and its key are two files.
constexpr Duration kLookEvery = 1s;

constexpr std::string_view kIndex =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><title>relinkd</title></head>"
    "<body><h1>relinkd</h1><p><a href=\"/metrics\">Metrics</a></p></body></html>\n";

class HandshakeBudget {
 public:
  /// False if this second's are used up.
  bool take(MonoTime now) {
    if (now >= again_) {
      again_ = now + 1s;
      left_ = kHandshakesPerSecond;
    }
    return left_ > 0 && left_-- > 0;
  }
  [[nodiscard]] MonoTime again() const { return again_; }

 private:
  MonoTime again_{};
  int left_ = 0;
};

/// What is kept of a connection.
struct Client {
  loop::Deadline exchange;
  std::string address;               ///< client_of()
  std::shared_ptr<TlsIdentity> tls;  ///< that it was greeted with; null: plain HTTP
};

/// What is kept of a request.
struct Request {
  std::optional<Gate::Verdict> verdict;  ///< once the gate has answered
};

struct DaemonDeleter {
  void operator()(MHD_Daemon* daemon) const { MHD_stop_daemon(daemon); }
};
using Daemon = std::unique_ptr<MHD_Daemon, DaemonDeleter>;

Client& client_of(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return *static_cast<Client*>(info->socket_context);
}

}  // namespace

struct HttpServer::State {
  struct Suspended {
    MHD_Connection* connection;
    Request* request;
  };

  loop::Loop& loop;
  const Numbers& numbers;
  HttpLimits limits;
  Report report;
  Listener listener;
  config::Metrics settings{};
  Protection protection{};
  std::unique_ptr<Gate> gate{};  ///< null until users are given for the first time
  std::map<std::uint64_t, Suspended> suspended{};
  std::uint64_t last_suspended = 0;
  Daemon daemon{};
  loop::Fd reserve{};
  HandshakeBudget handshakes{};
  std::optional<loop::FdWatch> accepting{};
  std::optional<loop::FdWatch> connections{};
  loop::Deadline next_run;  ///< libmicrohttpd has more to do then
  loop::Deadline accept_again;
  loop::Deadline look_again;
  /// Versions of the files: newer than what is in force and not read yet, and read in vain.
  std::vector<std::pair<std::string, FileVersion>> changing{};
  std::vector<std::pair<std::string, FileVersion>> refused{};

  State(loop::Loop& l, const Numbers& n, const HttpLimits& h, Report r, Listener from)
      : loop(l),
        numbers(n),
        limits(h),
        report(std::move(r)),
        listener(std::move(from)),
        next_run(l.deadlines(), [this] { run(); }),
        accept_again(l.deadlines(), [this] { accepting->want(EPOLLIN); }),
        look_again(l.deadlines(), [this] { look(); }) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { stop(); }

  Result<void> protect(config::Metrics s, Protection p);
  Result<Daemon> make_daemon(bool tls);
  void stop();
  void look();
  void fill_reserve();
  int accept_one(SocketAddress& from);
  void accept_waiting();
  void run();
  Gate::Verdict ask_gate(MHD_Connection* connection, Request& request);
  MHD_Result answer(MHD_Connection* connection, std::string_view path, std::string_view method,
                    Request& request);
  void client_came(MHD_Connection* connection, void** context);
  void client_went(void** context);
};

Result<void> HttpServer::State::protect(config::Metrics s, Protection p) {
  if (!p.users.empty() && !gate) {
    auto opened = Gate::open(loop);
    if (!opened) return opened.error();
    gate = std::move(*opened);
  }
  if (!daemon || (protection.tls == nullptr) != (p.tls == nullptr)) {
    auto made = make_daemon(p.tls != nullptr);
    if (!made) return made.error();
    const auto* info = MHD_get_daemon_info(made->get(), MHD_DAEMON_INFO_EPOLL_FD);
    if (info == nullptr) return Error{"this libmicrohttpd was built without epoll", ENOSYS};
    stop();
    daemon = std::move(*made);
    connections.emplace(loop, info->epoll_fd, EPOLLIN, [this](std::uint32_t) { run(); });
    accepting.emplace(loop, listener.fd.get(), EPOLLIN,
                      [this](std::uint32_t) { accept_waiting(); });
    fill_reserve();
  }
  if (gate) gate->admit(p.users);
  settings = std::move(s);
  protection = std::move(p);
  for (const std::string& warning : protection.warnings) report(warning);
  changing.clear();
  refused.clear();
  look_again.set(protection.files.empty() ? kNever : loop::Loop::clock() + kLookEvery);
  return {};
}

void HttpServer::State::stop() {
  accepting.reset();
  connections.reset();
  next_run.clear();
  accept_again.clear();
  // libmicrohttpd aborts the program if it is to end with one of them.
  for (const auto& [id, one] : suspended) MHD_resume_connection(one.connection);
  suspended.clear();
  daemon.reset();
}

void HttpServer::State::look() {
  look_again.set(loop::Loop::clock() + kLookEvery);
  auto seen = look_at_files(settings);
  if (seen == protection.files || seen == refused) {
    changing.clear();
  } else if (seen != changing) {
    changing = std::move(seen);
  } else {
    auto fresh = read_protection(settings);
    const Result<void> done = fresh ? protect(settings, std::move(*fresh)) : fresh.error();
    if (done) return;
    refused = std::move(seen);
    report(fmt::format("the metrics port keeps what it had: {}", done.error().message));
  }
}

Result<Daemon> HttpServer::State::make_daemon(bool tls) {
  const auto on_request = [](void* self, MHD_Connection* connection, const char* path,
                             const char* method, const char*, const char*, std::size_t* uploaded,
                             void** context) {
    // An answer at the first call, before a body could have come, costs the client its connection.
    const bool reads = std::string_view(method) == MHD_HTTP_METHOD_GET ||
                       std::string_view(method) == MHD_HTTP_METHOD_HEAD;
    const bool first_call = *context == nullptr;
    if (first_call) *context = new Request;
    const bool has_body = std::exchange(*uploaded, 0) > 0;
    if (reads && (first_call || has_body)) return MHD_YES;
    return static_cast<State*>(self)->answer(connection, path, method,
                                             *static_cast<Request*>(*context));
  };
  const auto on_answered = [](void* self, MHD_Connection* connection, void** context,
                              MHD_RequestTerminationCode) {
    delete static_cast<Request*>(*context);
    *context = nullptr;
    client_of(connection)
        .exchange.set(loop::Loop::clock() + static_cast<State*>(self)->limits.exchange);
  };
  const auto on_connection = [](void* self, MHD_Connection* connection, void** context,
                                MHD_ConnectionNotificationCode what) {
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
      static_cast<State*>(self)->client_came(connection, context);
    } else {
      static_cast<State*>(self)->client_went(context);
    }
  };
  // The certificate is chosen in client_came(), so that a new one needs no new daemon; without
  // this function the library would ask for one for good.
  const auto no_certificate = [](gnutls_session_int*, const void*, int, const void*, int, void*,
                                 unsigned*, void*) { return -1; };
  int (*const on_certificate)(gnutls_session_int*, const void*, int, const void*, int, void*,
                              unsigned*, void*) = no_certificate;
  const std::array<MHD_OptionItem, 3> tls_options{{
      {MHD_OPTION_HTTPS_PRIORITIES, 0,
       const_cast<char*>(kTlsPriorities)},  // NOLINT(cppcoreguidelines-pro-type-const-cast)
      {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, reinterpret_cast<void*>(on_certificate)},
      {MHD_OPTION_END, 0, nullptr},
  }};
  const MHD_OptionItem no_options{MHD_OPTION_END, 0, nullptr};
  // No listening socket of libmicrohttpd's own: it would try to accept without a pause while no
  // file descriptor is left. Without MHD_USE_ERROR_LOG it writes nothing to standard error.
  Daemon made(MHD_start_daemon(
      MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | (tls ? MHD_USE_TLS : 0),
      0, nullptr, nullptr, static_cast<MHD_AccessHandlerCallback>(on_request), this,
      MHD_OPTION_NOTIFY_COMPLETED, static_cast<MHD_RequestCompletedCallback>(on_answered), this,
      MHD_OPTION_NOTIFY_CONNECTION, static_cast<MHD_NotifyConnectionCallback>(on_connection), this,
      MHD_OPTION_CONNECTION_LIMIT, kMaxConnections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
      kMaxConnectionsPerAddress, MHD_OPTION_CONNECTION_TIMEOUT,
      static_cast<unsigned>(limits.silence.count()), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      kMemoryPerConnection, MHD_OPTION_ARRAY, tls ? tls_options.data() : &no_options,
      MHD_OPTION_END));
  if (!made) return system_error(errno, "cannot start the HTTP server for metrics");
  return made;
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
    if (protection.tls && !handshakes.take(loop::Loop::clock())) {
      accepting->want(0);
      accept_again.set(handshakes.again());
      break;
    }
    SocketAddress from;
    int fd = accept_one(from);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE) && reserve) {
      reserve.reset();
      fd = accept_one(from);
    }
    if (fd >= 0) {
      // Refused or not, the descriptor is libmicrohttpd's now.
      MHD_add_connection(daemon.get(), fd, from.get(), from.size);
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
  MHD_run(daemon.get());
  fill_reserve();
  MHD_UNSIGNED_LONG_LONG ms = 0;
  if (MHD_get_timeout(daemon.get(), &ms) == MHD_YES) {
    // 0 while a connection can be written on at once: that is for the next turn, after the probes.
    next_run.set(loop::Loop::clock() + std::chrono::milliseconds(ms));
  } else {
    next_run.clear();
  }
}

Gate::Verdict HttpServer::State::ask_gate(MHD_Connection* connection, Request& request) {
  if (protection.users.empty()) return Gate::Verdict::Pass;
  if (request.verdict) return *request.verdict;
  const std::uint64_t id = ++last_suspended;
  const auto verdict = gate->ask(
      MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION),
      client_of(connection).address, [this, id](Gate::Verdict answered) {
        const auto node = suspended.extract(id);
        if (node.empty()) return;  // its daemon has been stopped
        node.mapped().request->verdict = answered;
        MHD_resume_connection(node.mapped().connection);
        run();
      });
  if (verdict == Gate::Verdict::Wait) suspended.emplace(id, Suspended{connection, &request});
  return verdict;
}

MHD_Result HttpServer::State::answer(MHD_Connection* connection, std::string_view path,
                                     std::string_view method, Request& request) {
  const bool head = method == MHD_HTTP_METHOD_HEAD;
  const bool reads = head || method == MHD_HTTP_METHOD_GET;
  const bool metrics = path == "/metrics";
  const auto verdict = reads ? ask_gate(connection, request) : Gate::Verdict::Pass;
  if (verdict == Gate::Verdict::Wait) {
    MHD_suspend_connection(connection);
    return MHD_YES;
  }
  unsigned status = MHD_HTTP_OK;
  Response response;
  const auto refuse = [&](unsigned code, std::string_view why, const char* header,
                          const char* value) {
    status = code;
    response = fixed_response(why, "text/plain");
    if (response && header != nullptr) MHD_add_response_header(response.get(), header, value);
  };
  if (verdict == Gate::Verdict::Busy) {
    refuse(MHD_HTTP_SERVICE_UNAVAILABLE, "Too many passwords wait to be verified.\n",
           MHD_HTTP_HEADER_RETRY_AFTER, "1");
  } else if (verdict == Gate::Verdict::Refuse) {
    refuse(MHD_HTTP_UNAUTHORIZED, "A user of [metrics] users_file and its password are needed.\n",
           MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Basic realm=\"relinkd\", charset=\"UTF-8\"");
  } else if (!metrics && path != "/") {
    refuse(MHD_HTTP_NOT_FOUND, "Not found. The metrics are at /metrics.\n", nullptr, nullptr);
  } else if (!reads) {
    refuse(MHD_HTTP_METHOD_NOT_ALLOWED, "Only GET and HEAD.\n", MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  } else if (metrics) {
    response = metrics_response(numbers, head, kPiece);
  } else {
    response = fixed_response(kIndex, "text/html; charset=utf-8");
  }
  if (!response) return MHD_NO;
  // Who was greeted with a certificate that has been replaced comes again.
  if (client_of(connection).tls != protection.tls) {
    MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONNECTION, "close");
  }
  return MHD_queue_response(connection, status, response.get());
}

void HttpServer::State::client_came(MHD_Connection* connection, void** context) {
  const auto* from = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  const int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  // libmicrohttpd sees the end of the stream then, and closes; with a reset, so that the kernel
  // does not keep what the client has not read.
  const auto end = [fd] {
    const linger reset{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    shutdown(fd, SHUT_RDWR);
  };
  auto client =
      std::unique_ptr<Client>(new Client{loop::Deadline(loop.deadlines(), end),
                                         metrics::client_of(from->client_addr), protection.tls});
  client->exchange.set(loop::Loop::clock() + limits.exchange);
  if (client->tls) {
    const auto* session = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    client->tls->serve(static_cast<gnutls_session_int*>(session->tls_session));
  }
  *context = client.release();
}

void HttpServer::State::client_went(void** context) {
  const std::unique_ptr<Client> client(static_cast<Client*>(*context));
  *context = nullptr;
  // The session, which ends after this call, still refers to it.
  if (client && client->tls) loop.retire(std::move(client->tls));
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(loop::Loop& loop, config::Metrics settings,
                                                      Protection protection, const Numbers& numbers,
                                                      Report report, const HttpLimits& limits) {
  auto listener = open_listener(settings.listen, static_cast<int>(kMaxConnections));
  if (!listener) return listener.error();
  auto state = std::make_unique<State>(loop, numbers, limits, std::move(report),
                                       std::move(listener).value());
  if (const auto started = state->protect(std::move(settings), std::move(protection)); !started) {
    return started.error();
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

Result<void> HttpServer::protect(config::Metrics settings, Protection protection) {
  return state_->protect(std::move(settings), std::move(protection));
}

std::string HttpServer::url() const {
  return fmt::format("{}://{}/metrics", state_->protection.tls ? "https" : "http",
                     state_->listener.address.to_string());
}

}  // namespace relinkd::metrics
