// SPDX-License-Identifier: Apache-2.0
#include "actuator/order_count.hpp"

#include <iterator>
#include <limits>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "actuator/own_file.hpp"
#include "base/text.hpp"

namespace relinkd::actuator {

namespace {

constexpr std::string_view kHead = "relinkd-orders 1";
/// The seconds that a minute may touch.
constexpr std::uint64_t kSeconds = 61;
/// Far above what is counted, and its sums stay far below the largest number.
constexpr std::uint64_t kMany = std::numeric_limits<std::uint32_t>::max();

std::uint64_t second_of(Duration now) {
  return static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(now).count());
}

}  // namespace

void OrderCount::forget_before(Duration now) {
  const Second present = second_of(now);
  const Second oldest = present < kSeconds ? 0 : present - kSeconds + 1;
  counts_.erase(counts_.begin(), counts_.lower_bound(oldest));
}

bool OrderCount::admit(Duration now, std::uint64_t most) {
  forget_before(now);
  const auto sum = std::accumulate(
      counts_.begin(), counts_.end(), std::uint64_t{0},
      [](std::uint64_t so_far, const auto& entry) { return so_far + entry.second; });
  if (sum >= most) return false;
  ++counts_[second_of(now)];
  return true;
}

std::string OrderCount::encode() const {
  std::string text = fmt::format("{}\n", kHead);
  for (const auto& [second, count] : counts_) {
    fmt::format_to(std::back_inserter(text), "{} {}\n", second, count);
  }
  return text;
}

Result<OrderCount> OrderCount::decode(std::string_view text, Duration now) {
  if (text.size() > kMaxBytes) return Error{fmt::format("it is larger than {} bytes", kMaxBytes)};
  const auto lines = split(text, '\n');
  if (lines.size() < 2 || lines.front() != kHead || !lines.back().empty()) {
    return Error{"it is no count of orders"};
  }
  OrderCount count;
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    const auto words = split(lines[i], ' ');
    const auto second = words.size() == 2 ? parse_u64(words[0]) : std::nullopt;
    const auto orders = words.size() == 2 ? parse_u64(words[1]) : std::nullopt;
    if (!second || !orders || *orders > kMany) return Error{"it is no count of orders"};
    if (*second > second_of(now)) return Error{"it counts orders that are still to come"};
    if (!count.counts_.emplace(*second, *orders).second) return Error{"it counts a second twice"};
  }
  count.forget_before(now);
  return count;
}

OrderCount OrderCount::full(Duration now) {
  OrderCount count;
  count.counts_[second_of(now)] = kMany;
  return count;
}

OrderCountFile::OrderCountFile(std::string path, Duration now) : path_(std::move(path)) {
  const auto text = read_own(path_, OrderCount::kMaxBytes);
  if (text && text->empty()) return;
  auto count = text ? OrderCount::decode(*text, now) : Result<OrderCount>(text.error());
  if (count) {
    count_ = *std::move(count);
    return;
  }
  complaint_ = text ? fmt::format("{}: {}", path_, count.error().message) : count.error().message;
  count_ = OrderCount::full(now);
  // So that a program that is started anew does not begin another minute with it.
  if (const auto written = write(); !written) complaint_ += "; " + written.error().message;
}

Result<bool> OrderCountFile::admit(Duration now, std::uint64_t most) {
  if (!count_.admit(now, most)) return false;
  if (const auto written = write(); !written) return written.error();
  return true;
}

Result<void> OrderCountFile::write() const { return write_own(path_, count_.encode()); }

}  // namespace relinkd::actuator
