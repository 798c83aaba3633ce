// SPDX-License-Identifier: Apache-2.0
#include "serving_process.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.hpp"

namespace relinkd::metrics {

namespace {

constexpr rlim_t kMaxDescriptors = 128;

/// Until a NUL.
std::string read_text(int fd) {
  std::string text;
  for (char c = 0; read(fd, &c, 1) == 1 && c != '\0';) text += c;
  return text;
}

/// What the process does: 0 if all went well.
int serve(const ServingProcess::Options& options, int orders, int answers, int reports) {
  const rlimit files{kMaxDescriptors, kMaxDescriptors};
  setrlimit(RLIMIT_NOFILE, &files);
  // relinkd ignores it too.
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c)

  std::deque<EndpointNumbers> endpoints;
  Numbers numbers;
  for (int i = 0; i < options.endpoints; ++i) {
    auto& e = endpoints.emplace_back();
    e.endpoint = fmt::format("endpoint-{}", i);
    e.nodes.push_back({fmt::format("10.0.0.{}:6379", i), true, NodeRole::Primary});
    numbers.endpoints.push_back(&e);
  }
  const auto loop = loop::Loop::create();
  if (!loop) return 2;
  const auto say = [answers](const std::string& line) {
    return write(answers, (line + "\n").data(), line.size() + 1) > 0;
  };
  auto protection = read_protection(options.metrics);
  if (!protection) return say("error: " + protection.error().message) ? 3 : 2;
  const auto server = HttpServer::start(
      **loop, options.metrics, std::move(*protection), numbers,
      [reports](const std::string& what) {
        (void)!write(reports, (what + "\n").data(), what.size() + 1);
      },
      options.limits);
  if (!say(server ? (*server)->url() : "error: " + server.error().message) || !server) return 3;

  std::vector<loop::Fd> taken;
  const loop::FdWatch watch(**loop, orders, EPOLLIN, [&](std::uint32_t) {
    char order = 'q';  // also at the end of the stream: the test is gone
    if (read(orders, &order, 1) != 1 || order == 'q') return (*loop)->exit(0);
    if (order == 'p') {
      config::Metrics next = options.metrics;
      for (std::string* value :
           {&next.tls.cert_file, &next.tls.key_file, &next.tls.client_ca_file, &next.users_file}) {
        *value = read_text(orders);
      }
      auto fresh = read_protection(next);
      const auto done = fresh ? (*server)->protect(next, std::move(*fresh)) : fresh.error();
      say(done ? "done" : done.error().message);
      return;
    }
    taken.clear();
    while (order == 'u') {
      loop::Fd fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
      if (!fd) break;
      taken.push_back(std::move(fd));
    }
    say("done");
  });
  const auto code = (*loop)->run();
  return code ? *code : 4;
}

}  // namespace

ServingProcess::ServingProcess(const Options& options) {
  std::array<int, 2> orders{};
  std::array<int, 2> answers{};
  EXPECT_EQ(pipe2(orders.data(), O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(answers.data(), O_CLOEXEC), 0);
  stderr_.reset(memfd_create("stderr", MFD_CLOEXEC));
  reports_.reset(memfd_create("reports", MFD_CLOEXEC));
  pid_ = fork();
  if (pid_ == 0) {
    close(orders[1]);
    close(answers[0]);
    dup2(stderr_.get(), STDERR_FILENO);
    const int status = serve(options, orders[0], answers[1], reports_.get());
    std::exit(status);  // NOLINT(concurrency-mt-unsafe): there is one thread
  }
  close(orders[0]);
  close(answers[1]);
  orders_.reset(orders[1]);
  answers_.reset(answers[0]);
  url_ = read_line();
  EXPECT_TRUE(url_.starts_with("http") && url_.ends_with("/metrics")) << url_;
  const std::size_t colon = url_.rfind(':');
  if (colon != std::string::npos) {
    port_ =
        static_cast<std::uint16_t>(std::atoi(url_.c_str() + colon + 1));  // NOLINT(cert-err34-c)
  }
}

ServingProcess::~ServingProcess() {
  EXPECT_EQ(write(orders_.get(), "q", 1), 1);
  int status = 0;
  EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "wait status " << status;
  std::array<char, 4096> said{};
  const ssize_t n = pread(stderr_.get(), said.data(), said.size(), 0);
  EXPECT_EQ(std::string(said.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))), "");
}

std::string ServingProcess::read_line() {
  std::string line;
  for (char c = 0; read(answers_.get(), &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

void ServingProcess::use_up_descriptors() {
  EXPECT_EQ(write(orders_.get(), "u", 1), 1);
  EXPECT_EQ(read_line(), "done");
}

void ServingProcess::release_descriptors() {
  EXPECT_EQ(write(orders_.get(), "r", 1), 1);
  EXPECT_EQ(read_line(), "done");
}

void ServingProcess::protect(const config::Metrics& metrics) {
  std::string order = "p";
  for (const std::string& value : {metrics.tls.cert_file, metrics.tls.key_file,
                                   metrics.tls.client_ca_file, metrics.users_file}) {
    order += value + '\0';
  }
  EXPECT_EQ(write(orders_.get(), order.data(), order.size()), static_cast<ssize_t>(order.size()));
  EXPECT_EQ(read_line(), "done");
}

std::string ServingProcess::reports() const {
  std::string text(16'384, '\0');
  const ssize_t n = pread(reports_.get(), text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  return text;
}

int ServingProcess::open_descriptors() const {
  const std::filesystem::directory_iterator all(fmt::format("/proc/{}/fd", pid_));
  return static_cast<int>(std::distance(begin(all), end(all)));
}

double ServingProcess::cpu_seconds() const {
  std::ifstream file(fmt::format("/proc/{}/stat", pid_));
  std::string text;
  std::getline(file, text);
  const auto fields = split(std::string_view(text).substr(text.rfind(')') + 2), ' ');
  const auto ticks = parse_u64(fields.at(11)).value_or(0) + parse_u64(fields.at(12)).value_or(0);
  return static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::int64_t ServingProcess::resident_kilobytes() const {
  std::ifstream file(fmt::format("/proc/{}/statm", pid_));
  std::int64_t pages = 0;
  file >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE) / 1024;
}

Client::Client(std::uint16_t port, const char* from)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval patience{60, 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  inet_pton(AF_INET, from, &address.sin_addr);
  EXPECT_EQ(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  address.sin_port = htons(port);
  EXPECT_EQ(connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}

bool Client::start_tls(const ClientTls& tls) {
  // OpenSSL writes without MSG_NOSIGNAL, also to a server that has closed.
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c)
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()),
                                                             SSL_CTX_free);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  // Else OpenSSL itself refuses to speak what the server is to refuse.
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  EXPECT_EQ(SSL_CTX_load_verify_locations(context.get(), tls.ca_file.c_str(), nullptr), 1);
  SSL_CTX_set_min_proto_version(context.get(), tls.version);
  SSL_CTX_set_max_proto_version(context.get(), tls.version);
  if (!tls.cert_file.empty()) {
    EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context.get(), tls.cert_file.c_str()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context.get(), tls.key_file.c_str(), SSL_FILETYPE_PEM),
              1);
  }
  tls_.reset(SSL_new(context.get()));
  X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_.get()), "127.0.0.1");
  SSL_set_fd(tls_.get(), fd_.get());
  ERR_clear_error();
  if (SSL_connect(tls_.get()) == 1) return true;
  note_tls_failure();
  return false;
}

void Client::note_tls_failure() {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  if (reason != nullptr) tls_failure_ = reason;
  ERR_clear_error();
}

std::string Client::server_name() const {
  const std::unique_ptr<X509, void (*)(X509*)> certificate(SSL_get1_peer_certificate(tls_.get()),
                                                           X509_free);
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(),
                            static_cast<int>(name.size()));
  return name.data();
}

bool Client::send(const std::string& bytes) {
  if (tls_) return SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0;
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = ::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

bool Client::fill() {
  std::array<char, 65536> buffer{};
  ssize_t n = 0;
  if (tls_) {
    n = SSL_read(tls_.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (n <= 0) note_tls_failure();
  } else {
    n = recv(fd_.get(), buffer.data(), buffer.size(), 0);
  }
  if (n <= 0) return false;
  buffer_.append(buffer.data(), static_cast<std::size_t>(n));
  return true;
}

std::string Client::take(std::size_t n, bool& complete) {
  while (buffer_.size() < n && complete) complete = fill();
  std::string out = buffer_.substr(0, n);
  buffer_.erase(0, n);
  return out;
}

std::string Client::take_line(bool& complete) {
  std::size_t end = std::string::npos;
  while ((end = buffer_.find("\r\n")) == std::string::npos && complete) complete = fill();
  if (!complete) return {};
  std::string out = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return out;
}

Reply Client::read_reply(bool has_body) {
  Reply reply;
  bool complete = true;
  const std::string first = take_line(complete);
  if (first.starts_with("HTTP/1.")) reply.status = std::atoi(first.c_str() + 9);  // NOLINT
  for (std::string l; complete && !(l = take_line(complete)).empty();) {
    std::string name = l.substr(0, l.find(':'));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    reply.headers[name] = trim(std::string_view(l).substr(name.size() + 1));
  }
  const auto chunked = reply.headers.find("transfer-encoding");
  const auto length = reply.headers.find("content-length");
  if (has_body && chunked != reply.headers.end() && chunked->second == "chunked") {
    for (std::size_t n = 1; complete && n > 0;) {
      n = std::strtoul(take_line(complete).c_str(), nullptr, 16);
      reply.body += take(n, complete);
      take_line(complete);
    }
  } else if (has_body && length != reply.headers.end()) {
    reply.body = take(parse_u64(length->second).value_or(0), complete);
  } else if (has_body) {
    reply.body = read_rest();
  }
  reply.complete = complete;
  return reply;
}

std::string Client::read_rest() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

bool Client::wait_for_close() {
  while (fill()) buffer_.clear();
  // After the end of the stream, or a reset, reading says so at once again; a timeout is EAGAIN.
  // Where TLS gave up, bytes may still be under way.
  char c = 0;
  ssize_t n = 0;
  do {
    n = recv(fd_.get(), &c, 1, tls_ ? 0 : MSG_DONTWAIT);
  } while (n > 0);
  return n == 0 || errno != EAGAIN;
}

}  // namespace relinkd::metrics
