// SPDX-License-Identifier: Apache-2.0
#include "actuator/order_count.hpp"

#include <cerrno>
#include <cstdio>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hpp"
#include "loop/fd.hpp"

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

/// The text of the file; empty if there is none.
Result<std::string> read_own(const std::string& path) {
  // Opening a pipe would wait for a writer.
  const loop::Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::string{};
  struct stat at {};
  if (!fd || fstat(fd.get(), &at) != 0) {
    return system_error(errno, fmt::format("{} cannot be read", path));
  }
  if (!S_ISREG(at.st_mode) || at.st_uid != geteuid() || (at.st_mode & 022U) != 0) {
    return Error{fmt::format("{} is not a file that only this program's user can write to", path)};
  }
  // One byte more than allowed tells a file that is too large. An empty one is none of ours.
  std::string text(OrderCount::kMaxBytes + 1, '\0');
  const ssize_t n = ::read(fd.get(), text.data(), text.size());
  if (n < 0) return system_error(errno, fmt::format("{} cannot be read", path));
  text.resize(static_cast<std::size_t>(n));
  if (text.empty()) return Error{fmt::format("{} is empty", path)};
  return text;
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
  const auto text = read_own(path_);
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

Result<void> OrderCountFile::write() const {
  const std::string fresh = path_ + ".new";
  const auto fail = [&] {
    const int code = errno;
    (void)::unlink(fresh.c_str());
    return system_error(code, fmt::format("{} cannot be written", path_));
  };
  // One that a program left which ended while it wrote.
  if (::unlink(fresh.c_str()) != 0 && errno != ENOENT) return fail();
  const loop::Fd fd(
      ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return fail();
  const std::string text = count_.encode();
  const ssize_t n = ::write(fd.get(), text.data(), text.size());
  if (n != static_cast<ssize_t>(text.size())) {
    if (n >= 0) errno = ENOSPC;
    return fail();
  }
  if (std::rename(fresh.c_str(), path_.c_str()) != 0) return fail();
  return {};
}

}  // namespace relinkd::actuator
