// SPDX-License-Identifier: Apache-2.0
#include "resp/facts.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/enum_names.hpp"
#include "base/text.hpp"
#include "resp/parsing.hpp"

namespace relinkd::resp {
namespace {

/// One replica of a primary that ROLE lists: host, port and offset, all as texts.
std::optional<HostPort> to_replica(const Reply& entry) {
  if (entry.type != Reply::Type::Array || entry.elements.size() < 2) return std::nullopt;
  const Reply& host = entry.elements[0];
  const Reply& port = entry.elements[1];
  if (!is_text(host) || !is_text(port)) return std::nullopt;
  return to_host_port(host.text, port.text);
}

RoleFact parse_primary(const Reply& reply) {
  RoleFact fact{.role = Role::Primary};
  if (reply.elements.size() < 3) return fact;
  for (const Reply& entry : reply.elements[2].elements) {
    if (fact.replicas.size() == kMaxReplicas) break;
    if (auto replica = to_replica(entry)) fact.replicas.push_back(*std::move(replica));
  }
  return fact;
}

Result<RoleFact> parse_replica(const Reply& reply) {
  if (reply.elements.size() < 4) {
    return Error{
        fmt::format("ROLE: a replica's answer has {} parts, not 5", reply.elements.size())};
  }
  const Reply& host = reply.elements[1];
  const Reply& port = reply.elements[2];
  const Reply& link = reply.elements[3];
  if (!is_text(host) || !is_host(host.text)) {
    return Error{"ROLE: a replica does not name its primary's host"};
  }
  const auto number = to_port(to_number(port));
  if (!number) return Error{"ROLE: a replica does not name its primary's port"};
  if (!is_text(link)) return Error{"ROLE: a replica does not tell the state of its link"};
  return RoleFact{.role = Role::Replica,
                  .primary_host = host.text,
                  .primary_port = *number,
                  .link_up = link.text == "connected"};
}

/// One replica of a primary that INFO lists: "slave0:ip=10.0.0.8,port=6379,state=online,…".
std::optional<HostPort> to_replica(std::string_view line) {
  if (!line.starts_with(kWireReplica)) return std::nullopt;
  line.remove_prefix(kWireReplica.size());
  if (!parse_u64(take_until(line, ':'))) return std::nullopt;
  const auto value_of = [](std::string_view item, std::string_view key) {
    return item.starts_with(key) ? item.substr(key.size()) : std::string_view();
  };
  const std::string_view host = value_of(take_until(line, ','), "ip=");
  const std::string_view port = value_of(take_until(line, ','), "port=");
  return to_host_port(host, port);
}

enum class Field : std::uint8_t {
  RunId,
  RedisVersion,
  ValkeyVersion,
  RedisMode,
  Uptime,
  Replid,
  Replid2,
  Role,
  PrimaryHost,
  PrimaryPort,
  PrimaryLink,
  OutputBuffer,
  Rejected,
  ClientCommand,
  ClientKill,
};
constexpr auto kFields = enum_names<Field>(
    "run_id", "redis_version", "valkey_version", "redis_mode", "uptime_in_seconds", "master_replid",
    "master_replid2", "role", "master_host", "master_port", "master_link_status",
    "client_output_buffer_limit_disconnections", "rejected_connections", "cmdstat_client",
    "cmdstat_client|kill");

/// The fields of an INFO text that relinkd uses. Of a field given twice, the first counts.
class Fields {
 public:
  explicit Fields(std::string_view info) {
    while (!info.empty()) {
      const std::string_view line = take_line(info);
      if (line == "# Commandstats") has_commandstats_ = true;
      if (auto replica = to_replica(line); replica && replicas_.size() < kMaxReplicas) {
        replicas_.push_back(*std::move(replica));
      }
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      const auto field = kFields.find(line.substr(0, colon));
      if (!field) continue;
      auto& value = values_[static_cast<std::size_t>(*field)];
      if (!value) value = line.substr(colon + 1);
    }
  }
  [[nodiscard]] std::optional<std::string_view> text(Field field) const {
    return values_[static_cast<std::size_t>(field)];
  }
  [[nodiscard]] std::optional<std::uint64_t> number(Field field) const {
    const auto value = text(field);
    return value ? parse_u64(*value) : std::nullopt;
  }
  /// A run or replication id.
  [[nodiscard]] std::optional<std::string> id(Field field) const {
    const auto value = text(field);
    return value && is_id(*value) ? std::optional<std::string>(*value) : std::nullopt;
  }
  [[nodiscard]] std::optional<std::string> version(Field field) const {
    const auto value = text(field);
    return value && is_word(*value, 64) ? std::optional<std::string>(*value) : std::nullopt;
  }
  /// Of a line "cmdstat_…:calls=3,usec=…".
  [[nodiscard]] std::optional<std::uint64_t> calls(Field field) const {
    constexpr std::string_view kCalls = "calls=";
    const auto value = text(field);
    if (!value || !value->starts_with(kCalls)) return std::nullopt;
    const std::string_view count = value->substr(kCalls.size());
    return parse_u64(count.substr(0, count.find(',')));
  }
  [[nodiscard]] const std::vector<HostPort>& replicas() const { return replicas_; }
  [[nodiscard]] bool has_commandstats() const { return has_commandstats_; }

 private:
  std::array<std::optional<std::string_view>, kFields.size()> values_;
  std::vector<HostPort> replicas_;
  bool has_commandstats_ = false;
};

std::optional<RoleFact> role_of(const Fields& fields) {
  // A Sentinel has no replication section.
  if (fields.text(Field::RedisMode) == "sentinel") return RoleFact{.role = Role::Sentinel};
  const auto role = fields.text(Field::Role);
  if (role == kWirePrimary) {
    return RoleFact{.role = Role::Primary, .replicas = fields.replicas()};
  }
  if (role != kWireReplica) return std::nullopt;
  RoleFact fact{.role = Role::Replica};
  if (const auto host = fields.text(Field::PrimaryHost); host && is_host(*host)) {
    fact.primary_host = *host;
  }
  fact.primary_port = to_port(fields.number(Field::PrimaryPort)).value_or(0);
  fact.link_up = fields.text(Field::PrimaryLink) == "up";
  return fact;
}

std::optional<std::uint64_t> kill_calls(const Fields& fields) {
  if (fields.text(Field::ClientKill)) return fields.calls(Field::ClientKill);
  if (!fields.has_commandstats()) return std::nullopt;
  // Servers before 7.0 count the calls of all CLIENT commands together; later ones never count any
  // there, only refusals. With such a count, how many were kills is not known.
  if (fields.calls(Field::ClientCommand).value_or(0) > 0) return std::nullopt;
  return 0;
}

}  // namespace

Result<RoleFact> parse_role(const Reply& reply) {
  if (reply.is_error()) return refused("ROLE", reply);
  if (reply.type != Reply::Type::Array || reply.elements.empty() || !is_text(reply.elements[0])) {
    return Error{"ROLE was not answered with an array that starts with a word"};
  }
  const std::string& role = reply.elements[0].text;
  if (role == kWirePrimary) return parse_primary(reply);
  if (role == "sentinel") return RoleFact{.role = Role::Sentinel};
  if (role == kWireReplica) return parse_replica(reply);
  return Error{fmt::format("ROLE: unknown role \"{}\"", printable(role, 40))};
}

std::optional<std::string_view> info_field(std::string_view info, std::string_view field) {
  while (!info.empty()) {
    const std::string_view line = take_line(info);
    if (line.size() > field.size() && line[field.size()] == ':' && line.starts_with(field)) {
      return line.substr(field.size() + 1);
    }
  }
  return std::nullopt;
}

Result<InfoFacts> parse_info(const Reply& reply) {
  if (reply.is_error()) return refused("INFO", reply);
  if (!is_text(reply)) return Error{"INFO was not answered with a text"};
  const Fields fields(reply.text);
  InfoFacts facts;
  facts.run_id = fields.id(Field::RunId);
  // Valkey gives a redis_version too: that of the Redis it is compatible with.
  facts.version = fields.version(Field::ValkeyVersion);
  if (!facts.version) facts.version = fields.version(Field::RedisVersion);
  facts.uptime_seconds = fields.number(Field::Uptime);
  facts.master_replid = fields.id(Field::Replid);
  facts.master_replid2 = fields.id(Field::Replid2);
  facts.role = role_of(fields);
  facts.output_buffer_disconnections = fields.number(Field::OutputBuffer);
  facts.rejected_connections = fields.number(Field::Rejected);
  facts.client_kill_calls = kill_calls(fields);
  return facts;
}

std::optional<std::uint64_t> parse_setting(const Reply& reply) {
  if (reply.elements.size() != 2 || !is_text(reply.elements[1])) return std::nullopt;
  return parse_u64(reply.elements[1].text);
}

void merge(InfoFacts& facts, const InfoFacts& newer) {
  const auto take = [](auto& old_value, const auto& new_value) {
    if (new_value) old_value = new_value;
  };
  take(facts.run_id, newer.run_id);
  take(facts.version, newer.version);
  take(facts.uptime_seconds, newer.uptime_seconds);
  take(facts.master_replid, newer.master_replid);
  take(facts.master_replid2, newer.master_replid2);
  take(facts.role, newer.role);
  take(facts.output_buffer_disconnections, newer.output_buffer_disconnections);
  take(facts.rejected_connections, newer.rejected_connections);
  take(facts.client_kill_calls, newer.client_kill_calls);
}

}  // namespace relinkd::resp
