// SPDX-License-Identifier: Apache-2.0
// A peer that sends anything, cut into pieces anywhere. The first byte chooses the budget (bit 0)
// and the size of the pieces (the rest); what follows is the stream.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "resp/facts.hpp"
#include "resp/reader.hpp"

namespace {

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

void judge(const Reply& reply) {
  if (const auto role = relinkd::resp::parse_role(reply)) {
    require(role->primary_host.size() <= 255);
  }
  if (const auto facts = relinkd::resp::parse_info(reply)) {
    relinkd::resp::InfoFacts merged;
    merge(merged, *facts);
    require(merged.run_id == facts->run_id);
    require(!facts->run_id || facts->run_id->size() == 40);
    const auto run_id = relinkd::resp::info_field(reply.text, "run_id");
    require(!facts->run_id || run_id == *facts->run_id);
  }
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
