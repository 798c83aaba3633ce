// SPDX-License-Identifier: Apache-2.0
#include "orders/order.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace relinkd::orders {

namespace {

using Json = nlohmann::json;

constexpr auto kKindNames = enum_names<Order::Kind>("relink", "support", "sysctl", "trace", "tune");
/// An order is an object with a socket or cookies in it; an answer has a list of lists.
constexpr std::size_t kMaxOrderDepth = 2;
constexpr std::size_t kMaxAnswerDepth = 3;
/// The kernel has seconds in an int, and the user timeout in an unsigned one. So many digits have
/// kMaxTuned rows room for.
constexpr std::uint64_t kMaxSeconds = std::numeric_limits<std::int32_t>::max();
constexpr std::uint64_t kMaxMilliseconds = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kMaxCount = 999;

/// What was wrong first. The takers below do nothing once there is something.
class Problem {
 public:
  void tell(std::string text) {
    if (text_.empty()) text_ = std::move(text);
  }
  [[nodiscard]] bool any() const { return !text_.empty(); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

const Json* find(const Json& object, const char* key, Problem& problem) {
  if (problem.any()) return nullptr;
  const auto at = object.find(key);
  if (at != object.end()) return &*at;
  problem.tell(fmt::format("\"{}\" is missing", key));
  return nullptr;
}

bool is_number(const Json& value, std::uint64_t most) {
  return value.is_number_unsigned() && value.get<std::uint64_t>() <= most;
}

std::uint64_t take_number(const Json& object, const char* key, std::uint64_t most,
                          Problem& problem) {
  const Json* value = find(object, key, problem);
  if (value == nullptr) return 0;
  if (!is_number(*value, most)) {
    problem.tell(fmt::format("\"{}\" is not a whole number of 0 to {}", key, most));
    return 0;
  }
  return value->get<std::uint64_t>();
}

std::string take_text(const Json& object, const char* key, std::size_t least, std::size_t most,
                      Problem& problem) {
  const Json* value = find(object, key, problem);
  if (value == nullptr) return {};
  const auto* text = value->get_ptr<const std::string*>();
  // Control characters would be written as six, and the order be longer than a message.
  const auto is_control = [](char c) { return c >= '\0' && c < ' '; };
  if (text == nullptr || text->size() < least || text->size() > most ||
      std::any_of(text->begin(), text->end(), is_control)) {
    problem.tell(
        fmt::format("\"{}\" is not a text of {} to {} bytes in one line", key, least, most));
    return {};
  }
  return *text;
}

bool take_flag(const Json& object, const char* key, Problem& problem) {
  const Json* value = find(object, key, problem);
  if (value == nullptr) return false;
  if (!value->is_boolean()) problem.tell(fmt::format("\"{}\" is not true or false", key));
  return value->is_boolean() && value->get<bool>();
}

template <typename Names>
auto take_name(const Json& object, const char* key, const Names& names, Problem& problem) {
  constexpr std::size_t kLongest = 32;
  const auto found = names.find(take_text(object, key, 1, kLongest, problem));
  if (!found) problem.tell(fmt::format("\"{}\" is none of {}", key, fmt::join(names.names, ", ")));
  return found.value_or(decltype(*found){});
}

/// Nothing but `keys`, whatever else the order says.
void allow_only(const Json& object, std::span<const std::string_view> keys, Problem& problem) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      problem.tell(fmt::format("\"{}\" does not belong there", printable(key, 40)));
    }
  }
}

Address take_address(const Json& object, const char* key, Problem& problem) {
  constexpr std::size_t kLongest = 64;
  const auto address = Address::parse_with_port(take_text(object, key, 1, kLongest, problem));
  if (!address || address->port() == 0) {
    problem.tell(fmt::format("\"{}\" is not an IP address with a port", key));
    return {};
  }
  return *address;
}

SocketName take_socket(const Json& order, Problem& problem) {
  SocketName socket;
  const Json* object = find(order, "socket", problem);
  if (object == nullptr) return socket;
  if (!object->is_object()) {
    problem.tell(R"("socket" is not an object)");
    return socket;
  }
  constexpr std::array<std::string_view, 5> kKeys = {"local", "remote", "v6", "interface",
                                                     "cookie"};
  allow_only(*object, kKeys, problem);
  socket.local = take_address(*object, "local", problem);
  socket.remote = take_address(*object, "remote", problem);
  socket.v6 = take_flag(*object, "v6", problem);
  socket.interface = static_cast<std::uint32_t>(
      take_number(*object, "interface", std::numeric_limits<std::uint32_t>::max(), problem));
  socket.cookie = take_number(*object, "cookie", kAnyCookie, problem);
  if (socket.local.family() != socket.remote.family()) {
    problem.tell(R"("local" and "remote" are of different families)");
  }
  if (socket.local.family() == Address::Family::IPv6 && !socket.v6) {
    problem.tell(R"("v6" is false, and the addresses are of IPv6)");
  }
  // The kernel would take the one for any socket of these addresses.
  if (socket.cookie == 0 || socket.cookie == kAnyCookie) {
    problem.tell(R"("cookie" names no socket)");
  }
  return socket;
}

/// The message as an object of this version.
Result<Json> parse(std::string_view text, std::size_t depth) {
  if (text.size() > kMaxMessage) {
    return Error{
        fmt::format("the message has {} bytes; at most {} are possible", text.size(), kMaxMessage)};
  }
  if (!json_depth_within(text, depth)) {
    return Error{fmt::format("the message is nested deeper than {} levels", depth)};
  }
  // Of a key that comes twice the parser keeps one value: which, another reader may see otherwise.
  std::size_t keys = 0;
  const auto count = [&keys](int, Json::parse_event_t event, const Json&) {
    keys += event == Json::parse_event_t::key ? 1 : 0;
    return true;
  };
  Json json = Json::parse(text, count, /*allow_exceptions=*/false);
  if (!json.is_object()) return Error{"the message is not a JSON object"};
  std::size_t kept = json.size();
  for (const auto& [key, value] : json.items()) kept += value.is_object() ? value.size() : 0;
  if (kept != keys) return Error{"the message has a key twice"};
  Problem problem;
  const auto version =
      take_number(json, "version", std::numeric_limits<std::uint64_t>::max(), problem);
  if (problem.any()) return Error{problem.text()};
  if (version != kVersion) {
    return Error{
        fmt::format("the message is of version {}; this program knows version {}: let "
                    "relinkd and relinkd-actuator be of one release",
                    version, kVersion)};
  }
  return json;
}

void take_relink(const Json& json, Order& order, Problem& problem) {
  order.verb = take_name(json, "verb", core::kRelinkVerbNames, problem);
  if (problem.any()) return;
  const bool destroys = order.verb == core::RelinkVerb::DestroySockets;
  const std::array<std::string_view, 8> keys = {
      "version", "id",       "kind",     "verb",
      "app",     "endpoint", "incident", destroys ? "socket" : "action"};
  allow_only(json, keys, problem);
  order.app = take_text(json, "app", 1, kMaxApp, problem);
  order.endpoint = take_text(json, "endpoint", 1, kMaxEndpoint, problem);
  order.incident = take_text(json, "incident", 0, kMaxIncident, problem);
  const auto is_printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (!std::all_of(order.incident.begin(), order.incident.end(), is_printable)) {
    problem.tell(R"("incident" is not printable)");
  }
  if (destroys) {
    order.socket = take_socket(json, problem);
  } else {
    order.action = take_text(json, "action", 1, kMaxAction, problem);
  }
}

/// A cookie that names one socket: what the kernel would take for any other is none.
bool is_cookie(const Json& value) {
  return is_number(value, kAnyCookie - 1) && value.get<std::uint64_t>() != 0;
}

/// A list of 1 to kMaxTuned; nothing where it is none.
const Json::array_t* take_list(const Json& object, const char* key, Problem& problem) {
  const Json* value = find(object, key, problem);
  if (value == nullptr) return nullptr;
  if (value->is_array() && !value->empty() && value->size() <= kMaxTuned) {
    return value->get_ptr<const Json::array_t*>();
  }
  problem.tell(fmt::format("\"{}\" is not a list of 1 to {}", key, kMaxTuned));
  return nullptr;
}

void take_tune(const Json& json, Order& order, Problem& problem) {
  constexpr std::array<std::string_view, 7> kKeys = {"version", "id",       "kind",   "tuning",
                                                     "app",     "endpoint", "cookies"};
  allow_only(json, kKeys, problem);
  order.tuning = take_name(json, "tuning", kTuningNames, problem);
  order.app = take_text(json, "app", 1, kMaxApp, problem);
  order.endpoint = take_text(json, "endpoint", 1, kMaxEndpoint, problem);
  const auto* cookies = take_list(json, "cookies", problem);
  if (cookies == nullptr) return;
  for (const Json& cookie : *cookies) {
    if (!is_cookie(cookie)) return problem.tell(R"("cookies" has one that names no socket)");
    order.cookies.push_back(cookie.get<std::uint64_t>());
  }
  std::vector<std::uint64_t> sorted = order.cookies;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    problem.tell(R"("cookies" has one twice)");
  }
}

constexpr std::array<std::uint64_t, 5> kMostOfOptions = {1, kMaxSeconds, kMaxSeconds, kMaxCount,
                                                         kMaxMilliseconds};

void add_options(Json& row, const core::SocketOptions& options) {
  const auto bounded = [](std::int64_t value, std::uint64_t most) {
    return std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0)), most);
  };
  const std::array<std::int64_t, 5> values = {options.keepalive ? 1 : 0, options.idle / 1s,
                                              options.interval / 1s, options.count,
                                              options.user_timeout / 1ms};
  for (std::size_t i = 0; i < values.size(); ++i) {
    row.push_back(bounded(values[i], kMostOfOptions[i]));
  }
}

/// The five numbers from `first` on; nothing where one of them is none.
std::optional<core::SocketOptions> options_at(const Json& row, std::size_t first) {
  std::array<std::int64_t, 5> values{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!is_number(row[first + i], kMostOfOptions[i])) return std::nullopt;
    values[i] = row[first + i].get<std::int64_t>();
  }
  return core::SocketOptions{values[0] == 1, std::chrono::seconds(values[1]),
                             std::chrono::seconds(values[2]), static_cast<int>(values[3]),
                             std::chrono::milliseconds(values[4])};
}

std::optional<Answer::Tuned> tuned_of(const Json& row) {
  constexpr std::size_t kNow = 1 + kMostOfOptions.size();
  constexpr std::size_t kAndBefore = kNow + kMostOfOptions.size();
  if (!row.is_array() || (row.size() != kNow && row.size() != kAndBefore)) return std::nullopt;
  if (!is_cookie(row[0])) return std::nullopt;
  const auto now = options_at(row, 1);
  if (!now) return std::nullopt;
  Answer::Tuned tuned{row[0].get<std::uint64_t>(), *now, {}};
  if (row.size() == kNow) return tuned;
  tuned.before = options_at(row, kNow);
  if (!tuned.before) return std::nullopt;
  return tuned;
}

void take_tuned(const Json& json, Answer& answer, Problem& problem) {
  if (!json.contains("tuned")) return;
  const auto* rows = take_list(json, "tuned", problem);
  if (rows == nullptr) return;
  for (const Json& row : *rows) {
    const auto tuned = tuned_of(row);
    if (!tuned) return problem.tell(R"("tuned" has what is no socket with its options)");
    answer.tuned.push_back(*tuned);
  }
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace

std::string encode(const Order& order) {
  Json json{{"version", kVersion}, {"id", order.id}, {"kind", kKindNames[order.kind]}};
  if (order.kind == Order::Kind::Support || order.kind == Order::Kind::Trace) return dump(json);
  if (order.kind == Order::Kind::Sysctl) {
    json["key"] = order.key;
    return dump(json);
  }
  json["app"] = order.app;
  json["endpoint"] = order.endpoint;
  if (order.kind == Order::Kind::Tune) {
    json["tuning"] = kTuningNames[order.tuning];
    json["cookies"] = order.cookies;
    return dump(json);
  }
  json["verb"] = core::kRelinkVerbNames[order.verb];
  json["incident"] = order.incident;
  if (order.verb != core::RelinkVerb::DestroySockets) {
    json["action"] = order.action;
  } else if (order.socket) {
    json["socket"] = {{"local", order.socket->local.to_string()},
                      {"remote", order.socket->remote.to_string()},
                      {"v6", order.socket->v6},
                      {"interface", order.socket->interface},
                      {"cookie", order.socket->cookie}};
  }
  return dump(json);
}

std::string encode(const Answer& answer) {
  const bool tells_of_sockets = !answer.tuned.empty();
  Json json{{"version", kVersion},
            {"id", answer.id},
            {"result", kResultNames[answer.result]},
            {"detail", printable(answer.detail, tells_of_sockets ? kMaxTunedDetail : kMaxDetail)}};
  if (!tells_of_sockets) return dump(json);
  Json& rows = json["tuned"] = Json::array();
  for (const Answer::Tuned& tuned : answer.tuned) {
    Json row = Json::array({tuned.cookie});
    add_options(row, tuned.now);
    if (tuned.before) add_options(row, *tuned.before);
    rows.push_back(std::move(row));
  }
  return dump(json);
}

Result<Order> decode_order(std::string_view text) {
  const auto json = parse(text, kMaxOrderDepth);
  if (!json) return json.error();
  Problem problem;
  Order order;
  order.id = take_number(*json, "id", std::numeric_limits<std::uint64_t>::max(), problem);
  order.kind = take_name(*json, "kind", kKindNames, problem);
  if (order.kind == Order::Kind::Relink) {
    take_relink(*json, order, problem);
  } else if (order.kind == Order::Kind::Tune) {
    take_tune(*json, order, problem);
  } else if (order.kind == Order::Kind::Sysctl) {
    constexpr std::array<std::string_view, 4> kKeys = {"version", "id", "kind", "key"};
    allow_only(*json, kKeys, problem);
    order.key = take_text(*json, "key", 1, kMaxKey, problem);
  } else {
    constexpr std::array<std::string_view, 3> kKeys = {"version", "id", "kind"};
    allow_only(*json, kKeys, problem);
  }
  if (problem.any()) return Error{fmt::format("the order is malformed: {}", problem.text())};
  return order;
}

Result<Answer> decode_answer(std::string_view text) {
  const auto json = parse(text, kMaxAnswerDepth);
  if (!json) return json.error();
  Problem problem;
  Answer answer;
  constexpr std::array<std::string_view, 5> kKeys = {"version", "id", "result", "detail", "tuned"};
  allow_only(*json, kKeys, problem);
  answer.id = take_number(*json, "id", std::numeric_limits<std::uint64_t>::max(), problem);
  answer.result = take_name(*json, "result", kResultNames, problem);
  answer.detail = take_text(*json, "detail", 0, kMaxMessage, problem);
  take_tuned(*json, answer, problem);
  if (problem.any()) return Error{fmt::format("the answer is malformed: {}", problem.text())};
  return answer;
}

}  // namespace relinkd::orders
