// SPDX-License-Identifier: Apache-2.0
// A peer that sends anything, cut into pieces anywhere. The first byte chooses the budget (bit 0)
// and the size of the pieces (the rest); what follows is the stream.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "resp/cluster.hpp"
#include "resp/facts.hpp"
#include "resp/pubsub.hpp"
#include "resp/reader.hpp"
#include "resp/sentinel.hpp"

namespace {

using relinkd::HostPort;
using relinkd::core::ClusterNodes;
using relinkd::core::kClusterSlots;

using relinkd::resp::Budget;
using relinkd::resp::Reader;
using relinkd::resp::Reply;

void require(bool holds) {
  if (!holds) std::abort();
}

std::size_t count_elements(const Reply& reply) {
  std::size_t count = reply.elements.size();
  for (const Reply& element : reply.elements) count += count_elements(element);
  return count;
}

std::size_t count_text(const Reply& reply) {
  std::size_t count = reply.text.size();
  for (const Reply& element : reply.elements) count += count_text(element);
  return count;
}

bool is_id(std::string_view text) {
  return text.size() == 40 &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

bool is_printable(std::string_view text, std::size_t max) {
  return text.size() <= max &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

void judge_address(const HostPort& where) {
  require(!where.host.empty() && is_printable(where.host, 255) && where.port != 0);
}

void judge_facts(const Reply& reply) {
  if (const auto role = relinkd::resp::parse_role(reply)) {
    require(role->primary_host.size() <= 255);
    require(role->replicas.size() <= relinkd::resp::kMaxReplicas);
    for (const HostPort& replica : role->replicas) judge_address(replica);
  }
  if (const auto facts = relinkd::resp::parse_info(reply)) {
    relinkd::resp::InfoFacts merged;
    merge(merged, *facts);
    require(merged.run_id == facts->run_id);
    require(!facts->run_id || is_id(*facts->run_id));
    const auto run_id = relinkd::resp::info_field(reply.text, "run_id");
    require(!facts->run_id || run_id == *facts->run_id);
    if (facts->role) {
      require(facts->role->replicas.size() <= relinkd::resp::kMaxReplicas);
      for (const HostPort& replica : facts->role->replicas) judge_address(replica);
    }
  }
}

/// `ids`: that form of answer always tells them.
void judge_nodes(const ClusterNodes& nodes, bool ids) {
  require(nodes.size() <= relinkd::resp::kMaxClusterNodes);
  std::size_t ranges = 0;
  for (const auto& node : nodes) {
    require(is_id(node.id) || (!ids && node.id.empty()));
    require(node.primary_id.empty() || is_id(node.primary_id));
    require(is_printable(node.where.host, 255));
    require(!node.usable || node.where.port != 0);
    require(node.primary || node.slots.empty());
    for (const auto& slots : node.slots) {
      require(slots.first <= slots.last && slots.last < kClusterSlots);
    }
    ranges += node.slots.size();
  }
  require(ranges <= kClusterSlots);
}

void judge_cluster(const Reply& reply) {
  if (const auto nodes = relinkd::resp::parse_cluster_nodes(reply)) {
    require(!nodes->empty());
    judge_nodes(*nodes, true);
  }
  for (const bool tls : {false, true}) {
    if (const auto nodes = relinkd::resp::parse_cluster_shards(reply, tls)) {
      judge_nodes(*nodes, true);
    }
  }
  if (const auto nodes = relinkd::resp::parse_cluster_slots(reply)) judge_nodes(*nodes, false);
  if (const auto health = relinkd::resp::parse_cluster_info(reply)) {
    require(relinkd::resp::info_field(reply.text, "cluster_state").has_value());
  }
}

void judge_sentinel(const Reply& reply) {
  if (const auto report = relinkd::resp::parse_sentinel_master(reply)) {
    judge_address(report->primary);
  }
  if (const auto peers = relinkd::resp::parse_sentinel_sentinels(reply)) {
    require(peers->size() <= relinkd::resp::kMaxSentinels);
    for (const auto& peer : *peers) {
      require(is_id(peer.id));
      judge_address(peer.where);
    }
  }
  const auto id = relinkd::resp::parse_sentinel_myid(reply);
  require(!id || is_id(*id));
  // A message is one of three texts.
  const auto push = relinkd::resp::parse_push(reply);
  require(!push || !*push || (*push)->payload == reply.elements.at(2).text);
}

void judge(const Reply& reply) {
  judge_facts(reply);
  judge_cluster(reply);
  judge_sentinel(reply);
  if (reply.is_error()) (void)relinkd::resp::error_kind(reply.text);
}

/// Counts the replies until the stream ends or an error comes.
std::size_t read(std::string_view stream, std::size_t piece, Budget budget, bool& failed) {
  Reader reader;
  reader.set_budget(budget);
  std::size_t replies = 0;
  for (; !stream.empty(); stream.remove_prefix(std::min(piece, stream.size()))) {
    reader.feed(stream.substr(0, piece));
    auto next = reader.next();
    for (; next && *next; next = reader.next()) {
      ++replies;
      require(count_elements(**next) <= budget.elements);
      require(count_text(**next) <= budget.bytes);
      judge(**next);
    }
    failed = !next;
    if (failed) {
      require(reader.next().error() == next.error());
      require(reader.pending() == 0);
      break;
    }
    require(reader.pending() <= budget.bytes);
  }
  return replies;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string stream(data + 1, data + size);
  const Budget budget = (data[0] & 1U) != 0 ? relinkd::resp::kInfoBudget : Budget{64, 4};
  const std::size_t piece = 1U + (data[0] >> 1U);
  bool failed_in_pieces = false;
  bool failed_at_once = false;
  const std::size_t in_pieces = read(stream, piece, budget, failed_in_pieces);
  const std::size_t at_once = read(stream, stream.size(), budget, failed_at_once);
  // How the stream is cut decides nothing.
  require(in_pieces == at_once && failed_in_pieces == failed_at_once);
  return 0;
}
