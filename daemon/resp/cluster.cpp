// SPDX-License-Identifier: Apache-2.0
#include "resp/cluster.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "resp/facts.hpp"
#include "resp/parsing.hpp"

namespace relinkd::resp {
namespace {

using core::ClusterNode;
using core::ClusterNodes;
using core::kClusterSlots;

constexpr std::string_view kNodes = "CLUSTER NODES";
constexpr std::string_view kShards = "CLUSTER SHARDS";
constexpr std::string_view kSlots = "CLUSTER SLOTS";
constexpr std::string_view kInfo = "CLUSTER INFO";

Error malformed(std::string_view command, std::string_view what) {
  return {fmt::format("{}: {}", command, what)};
}

/// The nodes of one answer as they are read, within the bounds.
class View {
 public:
  explicit View(std::string_view command) : command_(command) {}

  Result<void> add_node(ClusterNode node) {
    if (nodes_.size() == kMaxClusterNodes) {
      return Error{fmt::format("{} lists more than {} nodes", command_, kMaxClusterNodes)};
    }
    nodes_.push_back(std::move(node));
    return {};
  }

  Result<void> add_slots(ClusterNode& node, std::optional<std::uint64_t> first,
                         std::optional<std::uint64_t> last) {
    if (!first || !last || *first > *last || *last >= kClusterSlots) {
      return malformed(command_, "a range of slots that is none");
    }
    // Each slot has one owner, so there cannot be more ranges than slots.
    if (++ranges_ > kClusterSlots) {
      return Error{fmt::format("{} lists more than {} ranges of slots", command_, kClusterSlots)};
    }
    node.slots.push_back(
        {.first = static_cast<std::uint16_t>(*first), .last = static_cast<std::uint16_t>(*last)});
    return {};
  }

  [[nodiscard]] ClusterNodes& nodes() { return nodes_; }

 private:
  std::string_view command_;
  ClusterNodes nodes_;
  std::size_t ranges_ = 0;
};

// --------------------------------------------------------------------------------- CLUSTER NODES

Error bad_line(std::string_view what, std::string_view line) {
  return malformed(kNodes, fmt::format("{}: \"{}\"", what, printable(line)));
}

/// "ip:port@cport,hostname,aux=value", where the parts from '@' on may be missing.
bool read_address(std::string_view text, HostPort& where) {
  text = text.substr(0, text.find(','));
  text = text.substr(0, text.find('@'));
  const std::size_t colon = text.rfind(':');  // an IPv6 address has more of them
  if (colon == std::string_view::npos) return false;
  const std::string_view host = text.substr(0, colon);
  const auto port = to_port(parse_u64(text.substr(colon + 1)));
  if (!port || (!host.empty() && !is_host(host))) return false;
  where = {.host = std::string(host), .port = *port};
  return true;
}

/// What a line says but for the slots; takes it off `rest`.
Result<ClusterNode> read_node(std::string_view line, std::string_view& rest) {
  const auto word = [&rest] { return take_until(rest, ' '); };
  ClusterNode node;
  node.id = word();
  if (!is_id(node.id)) return bad_line("a node without a valid id", line);
  if (!read_address(word(), node.where)) return bad_line("a node without a valid address", line);
  const std::string_view flags = word();
  if (flags.empty()) return bad_line("a node without flags", line);
  node.primary = has_word(flags, kWirePrimary);
  node.failed = has_word(flags, "fail");
  node.usable = node.where.port != 0 && !has_word(flags, "handshake") && !has_word(flags, "noaddr");
  const std::string_view primary_id = word();
  if (is_id(primary_id)) {
    node.primary_id = primary_id;
  } else if (primary_id != "-") {
    return bad_line("a node whose primary is neither an id nor \"-\"", line);
  }
  word();  // when the last PING was sent
  word();  // when the last PONG was received
  const auto epoch = parse_u64(word());
  if (!epoch) return bad_line("a node without a valid config-epoch", line);
  node.epoch = *epoch;
  if (word().empty()) return bad_line("a node without the state of its link", line);
  return node;
}

Result<void> read_line(std::string_view line, View& view) {
  std::string_view rest = line;
  auto node = read_node(line, rest);
  if (!node) return node.error();
  while (node->primary && !rest.empty()) {
    std::string_view word = take_until(rest, ' ');
    if (word.empty() || word.front() == '[') continue;  // "[7000-<-id]": a slot on the move
    const bool single = word.find('-') == std::string_view::npos;
    const auto first = parse_u64(take_until(word, '-'));
    auto added = view.add_slots(*node, first, single ? first : parse_u64(word));
    if (!added) return added;
  }
  return view.add_node(*std::move(node));
}

// -------------------------------------------------------------------------- CLUSTER SHARDS, SLOTS

/// See parse_cluster_slots(). `ip` may be null.
bool read_endpoint(const Reply* endpoint, std::optional<std::string_view> ip, ClusterNode& node) {
  if (endpoint == nullptr || endpoint->type == Reply::Type::Nil) return true;
  if (!is_text(*endpoint)) return false;
  if (endpoint->text.empty()) return true;
  if (endpoint->text != "?") {
    node.where.host = endpoint->text;
    return is_host(node.where.host);
  }
  if (ip && is_host(*ip)) {
    node.where.host = *ip;
  } else {
    node.usable = false;
  }
  return true;
}

/// `port` may be null: not told.
bool read_port(const Reply* port, ClusterNode& node) {
  if (port != nullptr) {
    const auto number = to_port(to_number(*port));
    if (!number) return false;
    node.where.port = *number;
  }
  if (node.where.port == 0) node.usable = false;
  return true;
}

Result<ClusterNode> read_shard_node(const Reply& reply, bool tls) {
  ClusterNode node;
  const auto id = find_text(reply, "id");
  if (!id || !is_id(*id)) return malformed(kShards, "a node without a valid id");
  node.id = *id;
  if (!read_endpoint(find_value(reply, "endpoint"), find_text(reply, "ip"), node)) {
    return malformed(kShards, "a node without a valid endpoint");
  }
  const Reply* port = tls ? find_value(reply, "tls-port") : nullptr;
  if (port == nullptr) port = find_value(reply, "port");
  if (!read_port(port, node)) return malformed(kShards, "a node without a valid port");
  const auto role = find_text(reply, "role");
  node.primary = role == kWirePrimary;
  if (!node.primary && role != "replica" && role != kWireReplica) {
    return malformed(kShards, "a node without a known role");
  }
  // 7.0 says "fail", its documentation "failed".
  const auto health = find_text(reply, "health");
  node.failed = health == "fail" || health == "failed";
  return node;
}

/// Of the nodes from `first` on: the one that slots and replicas belong to; the end if there is
/// none.
ClusterNodes::iterator primary_of(ClusterNodes::iterator first, ClusterNodes::iterator end) {
  const auto healthy =
      std::find_if(first, end, [](const ClusterNode& n) { return n.primary && !n.failed; });
  if (healthy != end) return healthy;
  return std::find_if(first, end, [](const ClusterNode& n) { return n.primary; });
}

Result<void> read_shard(const Reply& shard, bool tls, View& view) {
  const Reply* members = find_value(shard, "nodes");
  const Reply* slots = find_value(shard, "slots");
  if (members == nullptr || members->type != Reply::Type::Array || slots == nullptr ||
      slots->type != Reply::Type::Array || slots->elements.size() % 2 != 0) {
    return malformed(kShards, "a shard without lists of its slots and nodes");
  }
  const std::size_t before = view.nodes().size();
  for (const Reply& member : members->elements) {
    auto node = read_shard_node(member, tls);
    if (!node) return node.error();
    if (auto added = view.add_node(*std::move(node)); !added) return added;
  }
  const auto first = view.nodes().begin() + static_cast<std::ptrdiff_t>(before);
  const auto end = view.nodes().end();
  const auto primary = primary_of(first, end);
  if (primary == end) return {};  // it was forgotten, and no replica has taken its place yet
  for (auto node = first; node != end; ++node) {
    if (!node->primary) node->primary_id = primary->id;
  }
  for (std::size_t i = 0; i < slots->elements.size(); i += 2) {
    auto added =
        view.add_slots(*primary, to_number(slots->elements[i]), to_number(slots->elements[i + 1]));
    if (!added) return added;
  }
  return {};
}

Result<ClusterNode> read_slots_node(const Reply& reply) {
  if (reply.type != Reply::Type::Array || reply.elements.size() < 2) {
    return malformed(kSlots, "a node without an endpoint and a port");
  }
  const auto& parts = reply.elements;
  ClusterNode node;
  const auto ip = parts.size() > 3 ? find_text(parts[3], "ip") : std::nullopt;
  if (!read_endpoint(&parts[0], ip, node)) {
    return malformed(kSlots, "a node without a valid endpoint");
  }
  if (!read_port(&parts[1], node)) return malformed(kSlots, "a node without a valid port");
  if (parts.size() > 2) {  // since 4.0
    if (!is_text(parts[2]) || !is_id(parts[2].text)) {
      return malformed(kSlots, "a node without a valid id");
    }
    node.id = parts[2].text;
  }
  return node;
}

/// Where each node stands in the view: it is told anew with each of its ranges. By id, or by
/// address where no id is told.
using Places = std::map<std::string, std::size_t>;

/// The place of a node, which is added if it is new.
Result<std::size_t> place_of(ClusterNode node, Places& places, View& view) {
  const auto [place, is_new] =
      places.try_emplace(node.id.empty() ? node.where.to_string() : node.id, view.nodes().size());
  if (is_new) {
    if (auto added = view.add_node(std::move(node)); !added) return added.error();
  }
  return place->second;
}

/// [first, last, primary, replica…].
Result<void> read_range(const Reply& range, Places& places, View& view) {
  const auto& parts = range.elements;
  if (parts.size() < 3) return malformed(kSlots, "a range without its slots and a node");
  std::string primary_id;
  for (std::size_t i = 2; i < parts.size(); ++i) {
    auto node = read_slots_node(parts[i]);
    if (!node) return node.error();
    if (i > 2) node->primary_id = primary_id;
    const auto place = place_of(*std::move(node), places, view);
    if (!place) return place.error();
    if (i > 2) continue;
    ClusterNode& owner = view.nodes()[*place];
    owner.primary = true;
    owner.primary_id.clear();  // it may have been told as a replica before
    primary_id = owner.id;
    auto added = view.add_slots(owner, to_number(parts[0]), to_number(parts[1]));
    if (!added) return added;
  }
  return {};
}

}  // namespace

Result<ClusterNodes> parse_cluster_nodes(const Reply& reply) {
  if (reply.is_error()) return refused(kNodes, reply);
  if (!is_text(reply)) return malformed(kNodes, "the answer is no text");
  View view(kNodes);
  for (std::string_view rest = reply.text; !rest.empty();) {
    const std::string_view line = take_line(rest);
    if (line.empty()) continue;
    if (auto read = read_line(line, view); !read) return read.error();
  }
  // A node lists itself at least.
  if (view.nodes().empty()) return malformed(kNodes, "the answer lists no node");
  return std::move(view.nodes());
}

Result<ClusterNodes> parse_cluster_shards(const Reply& reply, bool tls) {
  if (reply.is_error()) return refused(kShards, reply);
  if (reply.type != Reply::Type::Array) return malformed(kShards, "the answer is no list");
  View view(kShards);
  for (const Reply& shard : reply.elements) {
    if (auto read = read_shard(shard, tls, view); !read) return read.error();
  }
  return std::move(view.nodes());
}

Result<ClusterNodes> parse_cluster_slots(const Reply& reply) {
  if (reply.is_error()) return refused(kSlots, reply);
  if (reply.type != Reply::Type::Array) return malformed(kSlots, "the answer is no list");
  View view(kSlots);
  Places places;
  for (const Reply& range : reply.elements) {
    if (auto read = read_range(range, places, view); !read) return read.error();
  }
  return std::move(view.nodes());
}

Result<core::ClusterHealth> parse_cluster_info(const Reply& reply) {
  if (reply.is_error()) return refused(kInfo, reply);
  if (!is_text(reply)) return malformed(kInfo, "the answer is no text");
  core::ClusterHealth health;
  const auto state = info_field(reply.text, "cluster_state");
  if (!state) return malformed(kInfo, "no cluster_state");
  health.ok = state == "ok";
  const std::pair<std::string_view, std::uint64_t*> numbers[] = {
      {"cluster_slots_assigned", &health.slots_assigned},
      {"cluster_known_nodes", &health.known_nodes},
      {"cluster_size", &health.size},
      {"cluster_current_epoch", &health.current_epoch},
  };
  for (const auto& [field, value] : numbers) {
    const auto text = info_field(reply.text, field);
    const auto number = text ? parse_u64(*text) : std::nullopt;
    if (!number) return malformed(kInfo, fmt::format("no valid {}", field));
    *value = *number;
  }
  return health;
}

}  // namespace relinkd::resp
