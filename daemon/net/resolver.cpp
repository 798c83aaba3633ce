// SPDX-License-Identifier: Apache-2.0
#include "net/resolver.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include <ares.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/file_version.hpp"
#include "loop/deadline_queue.hpp"
#include "loop/fd.hpp"

namespace relinkd::net {

namespace {

constexpr int kTimeoutMs = 1000;
constexpr int kTries = 2;
constexpr std::size_t kMaxAddresses = 64;
/// Questions under way at once, the others wait: each is two packets, and the answers to a thousand
/// would not fit the socket's buffer, so that most of them were lost (measured).
constexpr std::size_t kMaxUnderWay = 128;
/// Room for the answers to that many. The kernel gives as much of it as net.core.rmem_max allows.
constexpr int kReceiveBuffer = 1 << 20;
constexpr Duration kMinTtl = 1s;
constexpr Duration kMaxTtl = 60s;

/// One question: shared by the Query that the asker holds, c-ares, and the answer on its way.
struct Pending {
  Resolver::Callback callback;  ///< empty once answered or cancelled
  std::uint16_t port = 0;
};

class PendingQuery : public Resolver::Query {
 public:
  explicit PendingQuery(std::shared_ptr<Pending> pending) : pending_(std::move(pending)) {}
  PendingQuery(const PendingQuery&) = delete;
  PendingQuery& operator=(const PendingQuery&) = delete;
  ~PendingQuery() override { pending_->callback = nullptr; }

 private:
  std::shared_ptr<Pending> pending_;
};

std::optional<Address> to_address(const ares_addrinfo_node& node, std::uint16_t port) {
  if (node.ai_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, node.ai_addr, sizeof in);
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &in.sin_addr, bytes.size());
    return Address::ipv4(bytes, port);
  }
  if (node.ai_family == AF_INET6) {
    sockaddr_in6 in6{};
    std::memcpy(&in6, node.ai_addr, sizeof in6);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &in6.sin6_addr, bytes.size());
    return Address::ipv6(bytes, port);
  }
  return std::nullopt;
}

Answer to_answer(const ares_addrinfo& info, std::uint16_t port, bool from_network) {
  Answer answer;
  // c-ares reports a TTL of 0 for /etc/hosts, which says nothing: its own limit stands for it.
  answer.ttl = kMaxTtl;
  for (const auto* node = info.nodes; node != nullptr; node = node->ai_next) {
    if (from_network) answer.ttl = std::min<Duration>(answer.ttl, node->ai_ttl * 1s);
    if (answer.addresses.size() == kMaxAddresses) continue;
    const auto address = to_address(*node, port);
    const auto& known = answer.addresses;
    if (address && std::find(known.begin(), known.end(), *address) == known.end()) {
      answer.addresses.push_back(*address);
    }
  }
  for (const auto* cname = info.cnames; from_network && cname != nullptr; cname = cname->next) {
    answer.ttl = std::min<Duration>(answer.ttl, cname->ttl * 1s);
  }
  // Also a TTL with the highest bit set, negative here: RFC 2181, section 8, has it taken for 0.
  answer.ttl = std::max(answer.ttl, kMinTtl);
  return answer;
}

/// c-ares reports a socket that could not be made as a server that refused: ask the system itself.
std::optional<Error> lack_of_descriptors() {
  const loop::Fd probe(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int code = errno;
  if (probe) return std::nullopt;
  if (code != EMFILE && code != ENFILE && code != ENOBUFS && code != ENOMEM) return std::nullopt;
  return system_error(code, "cannot make a socket for DNS");
}

Error to_error(int status) {
  if (auto lack = lack_of_descriptors()) return *lack;
  switch (status) {
    case ARES_ENOTFOUND: return Error{"no such name"};
    case ARES_ENODATA: return Error{"the name has no address"};
    case ARES_ETIMEOUT: return Error{"no DNS server answered"};
    case ARES_EBADNAME: return Error{"not a valid host name"};
    // c-ares tries the next server after SERVFAIL and REFUSED, and at last reports this for all.
    case ARES_ECONNREFUSED:
    case ARES_ESERVFAIL:
    case ARES_EREFUSED: return Error{"every DNS server failed, refused or cannot be reached"};
    default: return Error{ares_strerror(status)};
  }
}

/// A c-ares channel on the loop: the servers of one state of resolv.conf. c-ares is called from
/// ask() and, at the end of a turn, from work() alone: never inside the handler of one of its
/// sockets, which it may close and open anew under the same number while it works.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  using Done = std::function<void(const std::shared_ptr<Pending>&, Result<Answer>)>;

  /// `done` is called for every question, possibly from within ask().
  Channel(loop::Loop& loop, Done done)
      : loop_(loop), done_(std::move(done)), deadline_(loop.deadlines(), [this] { schedule(); }) {}
  ~Channel() {
    done_ = nullptr;
    ares_destroy(channel_);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  Result<void> open(const std::string& resolv_conf);
  void ask(const std::string& host, std::shared_ptr<Pending> pending);
  [[nodiscard]] bool idle() const { return under_way_ == 0 && waiting_.empty(); }

 private:
  struct Socket {
    std::unique_ptr<loop::FdWatch> watch;
    std::uint32_t ready = 0;
  };
  struct Waiting {
    std::string host;
    std::shared_ptr<Pending> pending;
  };
  /// What c-ares hands back with an answer; it owns it until then.
  struct Question {
    Channel& channel;
    std::shared_ptr<Pending> pending;
  };

  static void on_socket(void* self, ares_socket_t fd, int readable, int writable);
  static void on_answer(void* question, int status, int timeouts, ares_addrinfo* info);
  void schedule();
  void work();
  void ask_waiting();
  void set_deadline();

  loop::Loop& loop_;
  Done done_;
  ares_channel channel_ = nullptr;
  std::map<ares_socket_t, Socket> sockets_;
  loop::Deadline deadline_;
  std::deque<Waiting> waiting_;
  std::size_t under_way_ = 0;
  bool asking_ = false;
  bool scheduled_ = false;
};

Result<void> Channel::open(const std::string& resolv_conf) {
  std::string path = resolv_conf;
  // Set, or c-ares takes the order from nsswitch.conf.
  std::string lookups = "fb";
  ares_options options{};
  options.timeout = kTimeoutMs;
  options.tries = kTries;
  options.lookups = lookups.data();
  options.resolvconf_path = path.data();
  options.socket_receive_buffer_size = kReceiveBuffer;
  options.sock_state_cb = on_socket;
  options.sock_state_cb_data = this;
  int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF |
             ARES_OPT_SOCK_RCVBUF | ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
  // c-ares since 1.31 would answer from a cache of its own, also after a node failed.
  options.qcache_max_ttl = 0;
  mask |= ARES_OPT_QUERY_CACHE;
#endif
  const int status = ares_init_options(&channel_, &options, mask);
  if (status != ARES_SUCCESS) {
    channel_ = nullptr;
    return Error{std::string("cannot set up DNS: ") + ares_strerror(status)};
  }
  return {};
}

void Channel::ask(const std::string& host, std::shared_ptr<Pending> pending) {
  waiting_.push_back({host, std::move(pending)});
  ask_waiting();
  set_deadline();
}

void Channel::ask_waiting() {
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  while (under_way_ < kMaxUnderWay && !waiting_.empty()) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    if (!next.pending->callback) continue;  // cancelled while it waited
    auto question = std::make_unique<Question>(Question{*this, std::move(next.pending)});
    ++under_way_;
    asking_ = true;
    ares_getaddrinfo(channel_, next.host.c_str(), nullptr, &hints, on_answer, question.release());
    asking_ = false;
  }
}

void Channel::on_answer(void* question, int status, int /*timeouts*/, ares_addrinfo* info) {
  const std::unique_ptr<Question> q(static_cast<Question*>(question));
  const std::unique_ptr<ares_addrinfo, void (*)(ares_addrinfo*)> owned(info, ares_freeaddrinfo);
  Channel& channel = q->channel;
  --channel.under_way_;
  if (!channel.done_) return;  // destroyed with questions under way
  if (status != ARES_SUCCESS || info == nullptr) {
    channel.done_(q->pending, to_error(status));
    return;
  }
  // What succeeds while it is asked needed no network: it was in /etc/hosts.
  channel.done_(q->pending, to_answer(*info, q->pending->port, !channel.asking_));
}

void Channel::on_socket(void* self, ares_socket_t fd, int readable, int writable) {
  auto& channel = *static_cast<Channel*>(self);
  if (readable == 0 && writable == 0) {
    channel.sockets_.erase(fd);
    return;
  }
  const std::uint32_t events =
      (readable != 0 ? std::uint32_t{EPOLLIN} : 0) | (writable != 0 ? std::uint32_t{EPOLLOUT} : 0);
  Socket& socket = channel.sockets_[fd];
  if (socket.watch) {
    socket.watch->want(events);
    return;
  }
  socket.watch = std::make_unique<loop::FdWatch>(channel.loop_, fd, events,
                                                 [&channel, &socket](std::uint32_t ready) {
                                                   socket.ready |= ready;
                                                   channel.schedule();
                                                 });
}

void Channel::schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  loop_.later([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->work();
  });
}

void Channel::work() {
  scheduled_ = false;
  std::vector<std::pair<ares_socket_t, std::uint32_t>> ready;
  for (auto& [fd, socket] : sockets_) {
    if (socket.ready != 0) ready.emplace_back(fd, std::exchange(socket.ready, 0));
  }
  for (const auto& [fd, events] : ready) {
    if (sockets_.count(fd) == 0) continue;
    const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
    ares_process_fd(channel_, broken || (events & EPOLLIN) != 0 ? fd : ARES_SOCKET_BAD,
                    broken || (events & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
  }
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // what is overdue
  ask_waiting();
  set_deadline();
}

void Channel::set_deadline() {
  timeval buffer{};
  const timeval* left = ares_timeout(channel_, nullptr, &buffer);
  if (left == nullptr) {
    deadline_.clear();
    return;
  }
  // c-ares rounds down to milliseconds: a deadline set by that would come a moment too soon.
  deadline_.set(loop::Loop::clock() + left->tv_sec * 1s + left->tv_usec * 1us + 1ms);
}

}  // namespace

struct Resolver::State : std::enable_shared_from_this<Resolver::State> {
  State(loop::Loop& l, std::string path) : loop(l), resolv_conf(std::move(path)) {
    ares_library_init(ARES_LIB_INIT_ALL);
  }
  ~State() {
    retired.clear();
    channel.reset();
    ares_library_cleanup();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Result<void> refresh();
  void deliver(const std::shared_ptr<Pending>& pending, Result<Answer> result);

  loop::Loop& loop;
  std::string resolv_conf;
  std::optional<FileVersion> version;  ///< of the file that `channel` was made from; none: no file
  std::shared_ptr<Channel> channel;
  std::vector<std::shared_ptr<Channel>> retired;  ///< made from former states of the file
};

/// Makes a channel if there is none for the present state of resolv.conf.
Result<void> Resolver::State::refresh() {
  std::erase_if(retired, [](const auto& old) { return old->idle(); });
  struct stat now {};
  std::optional<FileVersion> present;
  if (stat(resolv_conf.c_str(), &now) == 0) present = FileVersion::of(now);
  if (channel && present == version) return {};

  // Opened here first: c-ares takes a file that it cannot open for one that names no server, and
  // would from then on ask 127.0.0.1. That is right only where there is no file.
  {
    const loop::Fd file(::open(resolv_conf.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    const int code = errno;
    present.reset();
    if (file) {
      if (fstat(file.get(), &now) == 0) present = FileVersion::of(now);
    } else if (code != ENOENT) {
      return system_error(code, "cannot read " + resolv_conf);
    }
  }
  auto fresh = std::make_shared<Channel>(
      loop, [this](const std::shared_ptr<Pending>& pending, Result<Answer> result) {
        deliver(pending, std::move(result));
      });
  if (auto opened = fresh->open(resolv_conf); !opened) return opened;
  if (channel) retired.push_back(std::move(channel));
  channel = std::move(fresh);
  version = present;
  return {};
}

void Resolver::State::deliver(const std::shared_ptr<Pending>& pending, Result<Answer> result) {
  loop.later([alive = weak_from_this(), pending, result = std::move(result)] {
    if (alive.expired()) return;
    // Out of the question first: the callback may destroy its Query, or the Resolver.
    if (const auto callback = std::exchange(pending->callback, nullptr)) callback(result);
  });
}

Resolver::Resolver(loop::Loop& loop, std::string resolv_conf)
    : state_(std::make_shared<State>(
          loop, resolv_conf.empty() ? "/etc/resolv.conf" : std::move(resolv_conf))) {}

Resolver::~Resolver() = default;

std::unique_ptr<Resolver::Query> Resolver::resolve(const std::string& host, std::uint16_t port,
                                                   Callback callback) {
  auto pending = std::make_shared<Pending>(Pending{std::move(callback), port});
  if (const auto literal = Address::parse(host, port)) {
    state_->deliver(pending, Answer{{*literal}, kMaxTtl});
  } else if (const auto ready = state_->refresh(); !ready) {
    state_->deliver(pending, ready.error());
  } else {
    state_->channel->ask(host, pending);
  }
  return std::make_unique<PendingQuery>(std::move(pending));
}

}  // namespace relinkd::net
