// SPDX-License-Identifier: Apache-2.0
#include "resp/pubsub.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "resp/parsing.hpp"

namespace relinkd::resp {
namespace {

using core::Announcement;

enum class Key : std::uint8_t { Type, Starts, IsReplica, Node, TlsPort, Port };
constexpr std::size_t kKeys = 6;

std::optional<Key> key_of(std::string_view word) {
  static constexpr std::pair<std::string_view, Key> kWords[] = {
      {"NotificationType", Key::Type}, {"StartTimeInUTC", Key::Starts},
      {"StartTimeUtc", Key::Starts},   {"IsReplica", Key::IsReplica},
      {"IPAddress", Key::Node},        {"IpAddress", Key::Node},
      {"SSLPort", Key::TlsPort},       {"NonSSLPort", Key::Port},
  };
  for (const auto& [known, key] : kWords) {
    if (word == known) return key;
  }
  return std::nullopt;
}

Announcement::Type type_of(std::string_view word) {
  using Type = Announcement::Type;
  static constexpr std::pair<std::string_view, Type> kWords[] = {
      {"NodeMaintenanceScheduled", Type::Scheduled},
      {"NodeMaintenanceStarting", Type::Starting},
      {"NodeMaintenanceStart", Type::Start},
      {"NodeMaintenanceFailoverComplete", Type::FailoverComplete},
      {"NodeMaintenanceFailover", Type::FailoverComplete},  // until 2021
      {"NodeMaintenanceEnded", Type::Ended},
      {"NodeMaintenanceScaleComplete", Type::ScaleComplete},
  };
  for (const auto& [known, type] : kWords) {
    if (word == known) return type;
  }
  return Type::Other;
}

/// "yyyy-MM-ddTHH:mm:ss", UTC.
std::optional<WallTime> to_time(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd";
  if (text.size() != kForm.size()) return std::nullopt;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] != 'd' && text[i] != kForm[i]) return std::nullopt;
  }
  const auto number = [text](std::size_t at, std::size_t digits) {
    return parse_u64(text.substr(at, digits));
  };
  const auto year = number(0, 4);
  const auto month = number(5, 2);
  const auto day = number(8, 2);
  const auto hour = number(11, 2);
  const auto minute = number(14, 2);
  const auto second = number(17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  // A WallTime counts nanoseconds, which reach until April 2262.
  if (*year < 1970 || *year > 2261) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return WallTime(std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(*hour) +
                  std::chrono::minutes(*minute) + std::chrono::seconds(*second));
}

/// "True" or "False", in any case.
std::optional<bool> to_bool(std::string_view text) {
  const auto is = [text](std::string_view word) {
    return std::equal(text.begin(), text.end(), word.begin(), word.end(), [](char a, char b) {
      return a == b || (a >= 'A' && a <= 'Z' && a - 'A' + 'a' == b);
    });
  };
  if (is("true")) return true;
  if (is("false")) return false;
  return std::nullopt;
}

}  // namespace

Result<std::optional<Message>> parse_push(const Reply& reply) {
  if (reply.is_error()) return refused("SUBSCRIBE", reply);
  // PING is answered so before the first confirmation, and as an array after it.
  if (reply.type == Reply::Type::Status && reply.text == "PONG") return std::optional<Message>();
  const bool is_push = reply.type == Reply::Type::Array && reply.elements.size() >= 2 &&
                       is_text(reply.elements[0]) && is_text(reply.elements[1]);
  if (!is_push) return Error{"what arrived after SUBSCRIBE is no message"};
  const std::string& kind = reply.elements[0].text;
  if (kind == "subscribe" || kind == "pong") return std::optional<Message>();
  if (kind != "message") {
    return Error{fmt::format("what arrived after SUBSCRIBE is of the kind \"{}\", not a message",
                             printable(kind, 40))};
  }
  if (reply.elements.size() != 3 || !is_text(reply.elements[2])) {
    return Error{"a message without a payload arrived"};
  }
  return std::optional(
      Message{.channel = reply.elements[1].text, .payload = reply.elements[2].text});
}

Result<Announcement> parse_azure_event(std::string_view payload) {
  std::array<std::optional<std::string_view>, kKeys> values;
  while (!payload.empty()) {
    const auto key = key_of(take_until(payload, '|'));
    const std::string_view value = take_until(payload, '|');
    if (!key) continue;
    auto& known = values[static_cast<std::size_t>(*key)];
    if (!known) known = value;
  }
  const auto value = [&values](Key key) {
    return values[static_cast<std::size_t>(key)].value_or(std::string_view());
  };
  const std::string_view type = value(Key::Type);
  if (type.empty()) return Error{"AzureRedisEvents: a message without a NotificationType"};
  Announcement event;
  event.type = type_of(type);
  event.raw_type = printable(type);
  event.starts = to_time(value(Key::Starts));
  event.is_replica = to_bool(value(Key::IsReplica));
  if (is_host(value(Key::Node))) event.node = value(Key::Node);
  event.tls_port = to_port(parse_u64(value(Key::TlsPort))).value_or(0);
  event.port = to_port(parse_u64(value(Key::Port))).value_or(0);
  return event;
}

}  // namespace relinkd::resp
