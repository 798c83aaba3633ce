// SPDX-License-Identifier: Apache-2.0
#include "journal/journal.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.hpp"
#include "base/utf8.hpp"
#include "journal/catalog.hpp"
#include "journal/rate_limit.hpp"

namespace relinkd::journal {

namespace {

/// A line with its time and level stays below PIPE_BUF (4096): poll(2) then tells whether writing
/// it would block.
constexpr std::size_t kMaxMessage = 3072;
constexpr std::size_t kMaxField = 256;
constexpr std::size_t kMaxWaiting = 1U << 20U;
/// Of a message that is quoted in the line about those held back.
constexpr std::size_t kMaxQuoted = 160;

std::string_view level_of(Priority priority) {
  switch (priority) {
    case Priority::Error: return "error";
    case Priority::Warning: return "warning";
    case Priority::Notice: return "notice";
    case Priority::Info: return "info";
    case Priority::Debug: return "debug";
  }
  return "info";
}

/// `text` as one line of UTF-8 of at most `max` bytes (and "…" where it was cut). C1 controls
/// (U+0080 to U+009F) steer some terminals as ESC does.
std::string one_line(std::string_view text, std::size_t max) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_character(text);
    const std::string_view c = text.substr(0, std::max<std::size_t>(length, 1));
    const auto first = static_cast<unsigned char>(c.front());
    const bool control = first < 0x20 || first == 0x7f ||
                         (first == 0xC2 && static_cast<unsigned char>(c.back()) < 0xA0);
    if (out.size() + c.size() > max) return out + "…";
    out += length == 0 || control ? "." : c;
    text.remove_prefix(c.size());
  }
  return out;
}

/// JOURNAL_STREAM=device:inode names the stream that systemd gave the service; a standard error
/// that was redirected since is another one.
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe): one thread
  if (stream == nullptr) return false;
  const auto parts = split(stream, ':');
  if (parts.size() != 2) return false;
  const auto device = parse_u64(parts[0]);
  const auto inode = parse_u64(parts[1]);
  struct stat st = {};
  return device && inode && fstat(STDERR_FILENO, &st) == 0 && st.st_dev == *device &&
         st.st_ino == *inode;
}

std::string stderr_line(const Entry& entry, WallTime wall) {
  return fmt::format("{} {} {}\n", to_iso8601(wall), level_of(entry.priority),
                     one_line(entry.message, kMaxMessage));
}

std::string journal_datagram(const Entry& entry, std::string_view program) {
  std::string out = fmt::format(
      "MESSAGE={}\nPRIORITY={}\nMESSAGE_ID={}\nSYSLOG_IDENTIFIER={}\nSYSLOG_FACILITY=3\n",
      one_line(entry.message, kMaxMessage), static_cast<int>(entry.priority),
      message_id(entry.event), program);
  const auto field = [&out](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    fmt::format_to(std::back_inserter(out), "RELINKD_{}={}\n", name, one_line(value, kMaxField));
  };
  field("ENDPOINT", entry.endpoint);
  field("NODE", entry.node);
  field("CONDITION", entry.condition);
  field("CAUSE", entry.cause);
  field("INCIDENT", entry.incident);
  field("APP", entry.app);
  field("ACTION", entry.action);
  field("RESULT", entry.result);
  return out;
}

Entry repeated(const RateLimit::HeldBack& held) {
  std::string_view quoted = held.last;
  const std::string& about = held.app.empty() ? held.endpoint : held.app;
  const std::string prefix = about.empty() ? "" : about + ": ";
  if (quoted.starts_with(prefix)) quoted.remove_prefix(prefix.size());
  Entry entry;
  entry.event = Event::Repeated;
  entry.priority = held.priority;
  entry.endpoint = held.endpoint;
  entry.app = held.app;
  entry.message =
      fmt::format("{}{} more {} like \"{}\" in the last {} {} held back", prefix, held.count,
                  held.count == 1 ? "line" : "lines", one_line(quoted, kMaxQuoted),
                  to_text(held.over), held.count == 1 ? "was" : "were");
  return entry;
}

enum class Sent : std::uint8_t { Yes, Later, Never };

}  // namespace

struct Journal::State {
  bool to_journal = false;
  std::string socket_path;
  std::string program;
  int socket = -1;
  RateLimit limit;
  std::deque<std::string> waiting;
  std::size_t waiting_bytes = 0;
  std::uint64_t lost = 0;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (socket >= 0) close(socket);
  }

  [[nodiscard]] Sent send_to_journal(const std::string& datagram) const;
  static Sent send_to_stderr(const std::string& line);
  void drain();
  bool queue(const Entry& entry, WallTime wall);
  void tell_lost(WallTime wall);
  void emit(const Entry& entry, WallTime wall);
  void tell_held_back(MonoTime now, WallTime wall, Duration age);
};

Sent Journal::State::send_to_journal(const std::string& datagram) const {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  socket_path.copy(static_cast<char*>(to.sun_path), sizeof to.sun_path - 1);
  // Not connected, so that a journald that was restarted under the same path is found again.
  const ssize_t n = sendto(socket, datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                           reinterpret_cast<const sockaddr*>(&to), sizeof to);
  if (n >= 0) return Sent::Yes;
  const bool busy = errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == EINTR;
  return busy ? Sent::Later : Sent::Never;
}

Sent Journal::State::send_to_stderr(const std::string& line) {
  // Asked for each line instead of O_NONBLOCK, which would also hold for whoever else has this
  // terminal or pipe open.
  pollfd p{STDERR_FILENO, POLLOUT, 0};
  if (poll(&p, 1, 0) < 0) return Sent::Later;
  if ((p.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return Sent::Never;
  if ((p.revents & POLLOUT) == 0) return Sent::Later;
  const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
  if (n >= 0) return Sent::Yes;
  return errno == EAGAIN || errno == EINTR || errno == ENOSPC ? Sent::Later : Sent::Never;
}

void Journal::State::drain() {
  while (!waiting.empty()) {
    const std::string& first = waiting.front();
    const Sent sent = to_journal ? send_to_journal(first) : send_to_stderr(first);
    if (sent == Sent::Later) return;
    // What can never be sent (no journald, nobody reads) is let go: there is nobody to tell.
    waiting_bytes -= first.size();
    waiting.pop_front();
  }
}

bool Journal::State::queue(const Entry& entry, WallTime wall) {
  std::string text = to_journal ? journal_datagram(entry, program) : stderr_line(entry, wall);
  if (waiting_bytes + text.size() > kMaxWaiting) return false;
  waiting_bytes += text.size();
  waiting.push_back(std::move(text));
  return true;
}

void Journal::State::tell_lost(WallTime wall) {
  // Not before there is room for what follows, else each further loss would be told by itself.
  if (lost == 0 || waiting_bytes > kMaxWaiting / 2) return;
  Entry told;
  told.event = Event::Repeated;
  told.priority = Priority::Warning;
  told.message = fmt::format("{} {} lost here: {} took nothing for too long", lost,
                             lost == 1 ? "line was" : "lines were",
                             to_journal ? "the journal" : "standard error");
  if (queue(told, wall)) lost = 0;
}

void Journal::State::emit(const Entry& entry, WallTime wall) {
  drain();
  tell_lost(wall);
  if (lost > 0 || !queue(entry, wall)) ++lost;
  drain();
}

void Journal::State::tell_held_back(MonoTime now, WallTime wall, Duration age) {
  for (const auto& held : limit.take(now, age)) emit(repeated(held), wall);
}

Journal::Journal(Target target, std::string_view socket, std::string_view program)
    : state_(std::make_unique<State>()) {
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): fails only for a signal that is none
  state_->socket_path = socket;
  state_->program = program;
  state_->to_journal = target == Target::Journal || (target == Target::Auto && stderr_is_journal());
  // Now, so that the line about used up descriptors needs none.
  if (state_->to_journal) state_->socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

Journal::~Journal() { state_->drain(); }

void Journal::write(const Entry& entry, MonoTime now, WallTime wall) {
  if (entry.event == Event::Stopped) state_->tell_held_back(now, wall, Duration::zero());
  if (state_->limit.admit(entry, now)) state_->emit(entry, wall);
}

void Journal::flush_held_back(MonoTime now, WallTime wall) {
  state_->tell_held_back(now, wall, RateLimit::kTellAfter);
  state_->drain();
  state_->tell_lost(wall);
  state_->drain();
}

}  // namespace relinkd::journal
