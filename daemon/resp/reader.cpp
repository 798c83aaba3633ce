// SPDX-License-Identifier: Apache-2.0
#include "resp/reader.hpp"

#include <algorithm>
#include <cstdint>
#include <new>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include "base/text.hpp"

namespace relinkd::resp {
namespace {

// What hiredis 0.14 can do. CLUSTER SHARDS, the deepest reply that relinkd asks for, has 4.
constexpr int kMaxDepth = 7;

// hiredis looks for the end of a line from its start each time that bytes arrive. Without a bound a
// peer that sends a line byte by byte would cost the square of the budget. The longest lines of
// real servers are error texts of a few hundred bytes.
constexpr std::size_t kMaxLine = 4096;

struct FreeParser {
  void operator()(redisReader* parser) const { redisReaderFree(parser); }
};
using Parser = std::unique_ptr<redisReader, FreeParser>;

// A parser costs about 700 bytes, a buffer that grows, and with hiredis 1.x a dozen allocations. A
// reader needs one only while a reply is coming in; so the last one that became free is kept for
// whoever needs one next, and thousands of idle readers hold none.
thread_local Parser spare;

#if HIREDIS_MAJOR >= 1
using ArrayLength = std::size_t;
#else
using ArrayLength = int;
#endif

const redisReadTask& current_task(const redisReader& parser) {
#if HIREDIS_MAJOR >= 1
  return *parser.task[parser.ridx];
#else
  return parser.rstack[parser.ridx];
#endif
}

std::string_view unread(const redisReader& parser) {
  return {parser.buf + parser.pos, parser.len - parser.pos};
}

/// The types that RESP3 has and RESP2 has not (Redis' protocol specification); nothing for others.
std::optional<std::string_view> resp3_type(char first_byte) {
  switch (first_byte) {
    case '_': return "null";
    case ',': return "double";
    case '#': return "boolean";
    case '(': return "big number";
    case '!': return "bulk error";
    case '=': return "verbatim string";
    case '%': return "map";
    case '~': return "set";
    case '>': return "push";
    case '|': return "attribute";
    default: return std::nullopt;
  }
}

/// The first byte of a RESP3 type that hiredis has recognised: 1.x does, 0.14 refuses the byte.
std::optional<char> resp3_byte([[maybe_unused]] const redisReadTask& task) {
#if HIREDIS_MAJOR >= 1
  switch (task.type) {
    // "$-1" and "*-1" come as a nil too, but in a task for a string or an array.
    case REDIS_REPLY_NIL: return '_';
    case REDIS_REPLY_DOUBLE: return ',';
    case REDIS_REPLY_BOOL: return '#';
    case REDIS_REPLY_BIGNUM: return '(';
    case REDIS_REPLY_VERB: return '=';
    case REDIS_REPLY_MAP: return '%';
    case REDIS_REPLY_SET: return '~';
    case REDIS_REPLY_PUSH: return '>';
    case REDIS_REPLY_ATTR: return '|';
    default: break;
  }
#endif
  return std::nullopt;
}

Error unasked_type(char first_byte) {
  return {fmt::format("RESP3 type '{}' ({}), which nobody asked for", first_byte,
                      resp3_type(first_byte).value_or("unknown"))};
}

Error line_too_long() { return {fmt::format("a line of more than {} bytes", kMaxLine)}; }

}  // namespace

struct Reader::State {
  Budget budget = kPingBudget;
  Parser parser;  // there exactly while bytes are pending
  std::size_t pending = 0;
  Reply reply;               // as far as it has been read
  std::size_t elements = 0;  // announced by the arrays of `reply`
  std::optional<Error> error;
  bool saw_tls = false;

  void take_parser();
  void spend();
  void check_first_byte();
  void check_unfinished();
  [[nodiscard]] Error hiredis_error() const;
  [[nodiscard]] Error too_long() const {
    return {fmt::format("a reply of more than {} bytes", budget.bytes)};
  }
  [[nodiscard]] Error announced_too_long(std::uint64_t length) const {
    return {fmt::format("a string of {} bytes is announced, where a whole reply may have {}",
                        length, budget.bytes)};
  }

  // What hiredis calls with the parts of a reply. A null pointer makes it give up; `error` then
  // says why.
  static redisReplyObjectFunctions functions;
  static State& of(const redisReadTask* task) { return *static_cast<State*>(task->privdata); }
  void* refuse(Error why) {
    error = std::move(why);
    return nullptr;
  }
  void* place(const redisReadTask* task, Reply&& part);
  static void* on_string(const redisReadTask* task, char* bytes, std::size_t length);
  static void* on_array(const redisReadTask* task, ArrayLength length);
  static void* on_integer(const redisReadTask* task, long long value);
  static void* on_nil(const redisReadTask* task);
#if HIREDIS_MAJOR >= 1
  static void* on_double(const redisReadTask* task, double, char*, std::size_t);
  static void* on_bool(const redisReadTask* task, int);
#endif
};

// No freeObject: the parts belong to State::reply.
redisReplyObjectFunctions Reader::State::functions = {
    .createString = on_string,
    .createArray = on_array,
    .createInteger = on_integer,
#if HIREDIS_MAJOR >= 1
    .createDouble = on_double,
#endif
    .createNil = on_nil,
#if HIREDIS_MAJOR >= 1
    .createBool = on_bool,
#endif
    .freeObject = nullptr,
};

void* Reader::State::place(const redisReadTask* task, Reply&& part) {
  if (const auto byte = resp3_byte(*task)) return refuse(unasked_type(*byte));
  if (task->parent == nullptr) {
    reply = std::move(part);
    return &reply;
  }
  // No room is reserved for an announced length: it is taken as the elements arrive. That keeps the
  // pointers that hiredis holds valid, for only the innermost array on its stack grows.
  return &static_cast<Reply*>(task->parent->obj)->elements.emplace_back(std::move(part));
}

void* Reader::State::on_string(const redisReadTask* task, char* bytes, std::size_t length) {
  State& state = of(task);
  Reply::Type type = Reply::Type::String;
  if (task->type == REDIS_REPLY_STATUS) type = Reply::Type::Status;
  if (task->type == REDIS_REPLY_ERROR) type = Reply::Type::Error;
  if (type != Reply::Type::String && length > kMaxLine) return state.refuse(line_too_long());
  if (length > state.budget.bytes) return state.refuse(state.announced_too_long(length));
  return state.place(task, {.type = type, .text = std::string(bytes, length)});
}

void* Reader::State::on_array(const redisReadTask* task, ArrayLength length) {
  State& state = of(task);
  const auto count = static_cast<std::size_t>(length);
  if (count > state.budget.elements - std::min(state.elements, state.budget.elements)) {
    return state.refuse(
        {fmt::format("an array of {} elements is announced, where a whole reply "
                     "may have {}",
                     count, state.budget.elements)});
  }
  state.elements += count;
  int depth = 0;
  for (const redisReadTask* level = task; level != nullptr; level = level->parent) ++depth;
  if (depth > kMaxDepth) {
    return state.refuse({fmt::format("arrays nested more than {} deep", kMaxDepth)});
  }
  return state.place(task, {.type = Reply::Type::Array});
}

void* Reader::State::on_integer(const redisReadTask* task, long long value) {
  return of(task).place(task, {.type = Reply::Type::Integer, .integer = value});
}

void* Reader::State::on_nil(const redisReadTask* task) { return of(task).place(task, {}); }

#if HIREDIS_MAJOR >= 1
void* Reader::State::on_double(const redisReadTask* task, double, char*, std::size_t) {
  return of(task).refuse(unasked_type(','));
}

void* Reader::State::on_bool(const redisReadTask* task, int) {
  return of(task).refuse(unasked_type('#'));
}
#endif

void Reader::State::take_parser() {
  parser = std::move(spare);
  if (!parser) parser.reset(redisReaderCreateWithFunctions(&functions));
  if (!parser) throw std::bad_alloc();
  parser->privdata = this;
}

void Reader::State::spend() {
  parser.reset();
  pending = 0;
  reply = {};
}

void Reader::State::check_first_byte() {
  const std::string_view bytes = unread(*parser);
  const char first = bytes.front();
  if (std::string_view("+-:$*").find(first) != std::string_view::npos) return;
  if (resp3_type(first)) {
    error = unasked_type(first);
    return;
  }
  saw_tls = looks_like_tls(bytes);
  error = saw_tls
              ? Error{"not RESP: the first bytes are those of a TLS record"}
              : Error{fmt::format("not RESP: the first bytes are \"{}\"", printable(bytes, 40))};
}

/// hiredis waits for more bytes. Whether it may is decided by what it has seen: it would wait for
/// any length that is announced, and for the end of any line.
void Reader::State::check_unfinished() {
  const redisReadTask& task = current_task(*parser);
  if (const auto byte = resp3_byte(task)) {
    error = unasked_type(*byte);
    return;
  }
  const std::string_view rest = unread(*parser);
  const std::string_view line = rest.substr(0, kMaxLine + 2);
  const std::size_t end = line.find("\r\n");
  if (end == std::string_view::npos) {
    if (line.size() == kMaxLine + 2) error = line_too_long();
  } else if (const auto announced = parse_u64(line.substr(0, end));
             announced && *announced > budget.bytes) {
    error = announced_too_long(*announced);
  }
  if (!error && pending > budget.bytes) error = too_long();
}

Error Reader::State::hiredis_error() const {
  const std::string_view text = parser->errstr;
  // "Protocol error, got "%" as reply type byte" of an array's element: see resp3_byte().
  constexpr std::string_view kGot = "got \"";
  const std::size_t at = text.find(kGot);
  if (at != std::string_view::npos && at + kGot.size() < text.size()) {
    const char byte = text[at + kGot.size()];
    if (resp3_type(byte)) return unasked_type(byte);
  }
  return {fmt::format("not RESP: {}", text)};
}

bool looks_like_tls(std::string_view first_bytes) {
  constexpr char kAlert = 0x15;
  constexpr char kHandshake = 0x16;
  constexpr char kVersion = 0x03;
  if (first_bytes.empty()) return false;
  return (first_bytes[0] == kAlert || first_bytes[0] == kHandshake) &&
         (first_bytes.size() == 1 || first_bytes[1] == kVersion);
}

Reader::Reader() : state_(std::make_unique<State>()) {}
Reader::~Reader() = default;
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;

void Reader::set_budget(Budget budget) { state_->budget = budget; }

void Reader::feed(std::string_view bytes) {
  State& state = *state_;
  if (state.error || bytes.empty()) return;
  if (!state.parser) state.take_parser();
  if (redisReaderFeed(state.parser.get(), bytes.data(), bytes.size()) != REDIS_OK) {
    throw std::bad_alloc();
  }
  state.pending += bytes.size();
}

Result<std::optional<Reply>> Reader::next() {
  State& state = *state_;
  if (state.error) return *state.error;
  if (state.pending == 0) return std::optional<Reply>();

  void* whole = nullptr;
  if (state.parser->ridx < 0) state.check_first_byte();
  if (!state.error && redisReaderGetReply(state.parser.get(), &whole) != REDIS_OK && !state.error) {
    state.error = state.hiredis_error();
  }
  if (!state.error && whole == nullptr) state.check_unfinished();
  const std::size_t left = state.parser->len - state.parser->pos;
  if (!state.error && whole != nullptr && state.pending - left > state.budget.bytes) {
    state.error = state.too_long();
  }
  if (state.error) {
    state.spend();
    return *state.error;
  }
  if (whole == nullptr) return std::optional<Reply>();

  state.pending = left;
  if (left == 0) spare = std::move(state.parser);
  state.elements = 0;
  return std::optional<Reply>(std::exchange(state.reply, Reply{}));
}

std::size_t Reader::pending() const { return state_->pending; }

bool Reader::saw_tls() const { return state_->saw_tls; }

}  // namespace relinkd::resp
