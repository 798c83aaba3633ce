// SPDX-License-Identifier: Apache-2.0
#include "resp/sentinel.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "resp/parsing.hpp"

namespace relinkd::resp {
namespace {

using core::SentinelEvent;
using core::SentinelPeer;
using core::SentinelReport;

// Sentinel itself knows no bound; what relinkd repeats in its reports has one.
constexpr std::size_t kMaxName = 255;

std::optional<HostPort> find_address(const Reply& map) {
  const auto host = find_text(map, "ip");
  const auto port = find_text(map, "port");
  return host && port ? to_host_port(*host, *port) : std::nullopt;
}

std::optional<HostPort> take_address(std::string_view& words) {
  const std::string_view host = take_until(words, ' ');
  const std::string_view port = take_until(words, ' ');
  return to_host_port(host, port);
}

std::optional<SentinelEvent::Subject> subject_of(std::string_view word) {
  if (word == kWirePrimary) return SentinelEvent::Subject::Primary;
  if (word == kWireReplica) return SentinelEvent::Subject::Replica;
  if (word == "sentinel") return SentinelEvent::Subject::Sentinel;
  return std::nullopt;
}

/// "name old-ip old-port new-ip new-port".
bool read_switch(std::string_view words, SentinelEvent& event) {
  const std::string_view name = take_until(words, ' ');
  auto from = take_address(words);
  auto to = take_address(words);
  if (!is_word(name, kMaxName) || !from || !to) return false;
  event.subject = SentinelEvent::Subject::Primary;
  event.primary_name = name;
  event.where = *std::move(from);
  event.primary = std::move(to);
  return true;
}

/// "type name ip port", then "@ primary-name ip port" where the subject is not itself a primary.
bool read_instance(std::string_view words, SentinelEvent& event) {
  const auto subject = subject_of(take_until(words, ' '));
  std::string_view name = take_until(words, ' ');
  auto where = take_address(words);
  if (!subject || !where) return false;
  if (*subject != SentinelEvent::Subject::Primary) {
    if (take_until(words, ' ') != "@") return false;
    name = take_until(words, ' ');
  }
  if (!is_word(name, kMaxName)) return false;
  event.subject = *subject;
  event.primary_name = name;
  event.where = *std::move(where);
  return true;
}

bool read_event(std::string_view words, SentinelEvent& event) {
  switch (event.kind) {
    case SentinelEvent::Kind::SwitchMaster: return read_switch(words, event);
    case SentinelEvent::Kind::Tilt:
    case SentinelEvent::Kind::TiltGone: return true;  // of the Sentinel itself
    case SentinelEvent::Kind::SDown:
    case SentinelEvent::Kind::SDownGone:
    case SentinelEvent::Kind::ODown:
    case SentinelEvent::Kind::ODownGone: break;
  }
  return read_instance(words, event);
}

}  // namespace

Result<SentinelReport> parse_sentinel_master(const Reply& reply) {
  if (reply.is_error()) return refused("SENTINEL MASTER", reply);
  if (reply.type != Reply::Type::Array)
    return Error{"SENTINEL MASTER was not answered with fields"};
  auto primary = find_address(reply);
  if (!primary) return Error{"SENTINEL MASTER: no valid ip and port"};
  const auto flags = find_text(reply, "flags");
  if (!flags) return Error{"SENTINEL MASTER: no flags"};
  const auto epoch = find_text(reply, "config-epoch");
  const auto number = epoch ? parse_u64(*epoch) : std::nullopt;
  if (!number) return Error{"SENTINEL MASTER: no valid config-epoch"};
  return SentinelReport{.primary = *std::move(primary),
                        .epoch = *number,
                        .subjectively_down = has_word(*flags, "s_down"),
                        .objectively_down = has_word(*flags, "o_down"),
                        .failover_under_way = has_word(*flags, "failover_in_progress")};
}

Result<std::vector<SentinelPeer>> parse_sentinel_sentinels(const Reply& reply) {
  if (reply.is_error()) return refused("SENTINEL SENTINELS", reply);
  if (reply.type != Reply::Type::Array)
    return Error{"SENTINEL SENTINELS was not answered with a list"};
  std::vector<SentinelPeer> peers;
  for (const Reply& entry : reply.elements) {
    if (peers.size() == kMaxSentinels) break;
    const auto id = find_text(entry, "runid");
    auto where = find_address(entry);
    if (!id || !is_id(*id) || !where) continue;
    peers.push_back({.id = std::string(*id), .where = *std::move(where)});
  }
  return peers;
}

Result<std::string> parse_sentinel_myid(const Reply& reply) {
  if (reply.is_error()) return refused("SENTINEL MYID", reply);
  if (!is_text(reply) || !is_id(reply.text)) {
    return Error{"SENTINEL MYID was not answered with 40 hex digits"};
  }
  return reply.text;
}

Result<std::optional<SentinelEvent>> parse_sentinel_event(std::string_view channel,
                                                          std::string_view payload) {
  const auto kind = core::kSentinelEventNames.find(channel);
  if (!kind) return std::optional<SentinelEvent>();
  SentinelEvent event{.kind = *kind};
  if (!read_event(payload, event)) {
    return Error{
        fmt::format("{}: not in the form of this event: \"{}\"", channel, printable(payload))};
  }
  return std::optional(std::move(event));
}

}  // namespace relinkd::resp
