// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/host_port.hpp"
#include "base/result.hpp"
#include "resp/reply.hpp"

namespace relinkd::resp {

enum class Role : std::uint8_t { Primary, Replica, Sentinel };

/// Replicas that are taken note of for one primary; of more, the first.
inline constexpr std::size_t kMaxReplicas = 32;

/// What ROLE or INFO replication says of a node's place in replication.
struct RoleFact {
  Role role = Role::Primary;
  std::string primary_host;  ///< of a replica: whom it follows, as it says
  std::uint16_t primary_port = 0;
  bool link_up = true;  ///< of a replica: connected to its primary and in step
  /// Of a primary: whom it lists, in its order. Entries without an address are left out: tools that
  /// copy the data as a replica does are listed with port 0. INFO lists those still copying too.
  std::vector<HostPort> replicas;
};

/// From the reply to ROLE. An Error says what was wrong with its form.
Result<RoleFact> parse_role(const Reply& reply);

/// One numeric or textual field of an INFO text ("run_id:…" at the start of a line), unparsed.
std::optional<std::string_view> info_field(std::string_view info, std::string_view field);

/// What INFO says, as far as relinkd uses it; absent where the server left it out.
struct InfoFacts {
  std::optional<std::string> run_id;   ///< server: 40 hex digits, new at each start
  std::optional<std::string> version;  ///< redis_version, or valkey_version where given
  std::optional<std::uint64_t> uptime_seconds;
  std::optional<std::string> master_replid;  ///< replication
  std::optional<std::string> master_replid2;
  std::optional<RoleFact> role;  ///< replication; of a Sentinel, server
  std::optional<std::uint64_t> output_buffer_disconnections;  ///< client_output_buffer_limit_…
  std::optional<std::uint64_t> rejected_connections;
  std::optional<std::uint64_t> client_kill_calls;  ///< commandstats: cmdstat_client|kill calls
};

/// Reads any of the sections server, replication, stats, commandstats out of an INFO reply.
/// An Error if the reply is no text; fields with a malformed value count as absent.
/// commandstats, if the text has that section, makes client_kill_calls 0 where no call is listed
/// (the server lists only commands that were called). Servers before 7.0 count all CLIENT commands
/// together: once one was called there, it is absent.
Result<InfoFacts> parse_info(const Reply& reply);

/// The value of the one setting that CONFIG GET was asked for, if it is a whole number.
std::optional<std::uint64_t> parse_setting(const Reply& reply);

/// Takes over from `newer` what it has, keeping the rest.
void merge(InfoFacts& facts, const InfoFacts& newer);

}  // namespace relinkd::resp
