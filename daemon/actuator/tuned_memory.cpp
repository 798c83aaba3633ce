// SPDX-License-Identifier: Apache-2.0
#include "actuator/tuned_memory.hpp"

#include <array>
#include <iterator>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/text.hpp"

namespace relinkd::actuator {

namespace {

constexpr std::size_t kFields = 6;

std::optional<std::array<std::uint64_t, kFields>> fields_of(std::string_view line) {
  std::array<std::uint64_t, kFields> fields{};
  for (std::size_t i = 0; i < kFields; ++i) {
    const std::size_t end = i + 1 < kFields ? line.find(' ') : line.size();
    if (end == std::string_view::npos) return std::nullopt;
    const auto number = parse_u64(line.substr(0, end));
    // The kernel has each of them but the cookie in 32 bits.
    if (!number || (i > 0 && *number > std::numeric_limits<std::uint32_t>::max())) {
      return std::nullopt;
    }
    fields[i] = *number;
    line.remove_prefix(i + 1 < kFields ? end + 1 : end);
  }
  return fields;
}

}  // namespace

const core::SocketOptions* TunedMemory::find(std::uint64_t cookie) const {
  const auto it = before_.find(cookie);
  return it == before_.end() ? nullptr : &it->second;
}

std::set<std::uint64_t> TunedMemory::cookies() const {
  std::set<std::uint64_t> all;
  for (const auto& [cookie, before] : before_) all.insert(all.end(), cookie);
  return all;
}

bool TunedMemory::remember(std::uint64_t cookie, const core::SocketOptions& before) {
  if (before_.size() >= kMost && !before_.contains(cookie)) return false;
  before_.try_emplace(cookie, before);
  return true;
}

void TunedMemory::gave(std::uint64_t cookie, const core::SocketOptions& options) {
  if (before_.contains(cookie)) given_[cookie] = options;
}

void TunedMemory::notice(std::uint64_t cookie, const core::SocketOptions& now) {
  const auto before = before_.find(cookie);
  const auto given = given_.find(cookie);
  if (before == before_.end() || given == given_.end()) return;
  const auto take = [&](auto core::SocketOptions::*option) {
    if (now.*option != given->second.*option) before->second.*option = now.*option;
  };
  take(&core::SocketOptions::keepalive);
  take(&core::SocketOptions::idle);
  take(&core::SocketOptions::interval);
  take(&core::SocketOptions::count);
  take(&core::SocketOptions::user_timeout);
  given->second = now;
}

std::string TunedMemory::encode() const {
  std::string text;
  for (const auto& [cookie, o] : before_) {
    fmt::format_to(std::back_inserter(text), "{} {} {} {} {} {}\n", cookie, o.keepalive ? 1 : 0,
                   o.idle / 1s, o.interval / 1s, o.count, o.user_timeout / 1ms);
  }
  return text;
}

Result<TunedMemory> TunedMemory::decode(std::string_view text) {
  TunedMemory memory;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const auto fields = fields_of(text.substr(0, end));
    if (end == std::string_view::npos || !fields || memory.size() >= kMost) {
      return Error{"it is no list of sockets"};
    }
    const auto& [cookie, keepalive, idle, interval, count, user_timeout] = *fields;
    core::SocketOptions o;
    o.keepalive = keepalive != 0;
    o.idle = std::chrono::seconds(idle);
    o.interval = std::chrono::seconds(interval);
    o.count = static_cast<int>(count);
    o.user_timeout = std::chrono::milliseconds(user_timeout);
    memory.remember(cookie, o);
    text.remove_prefix(end + 1);
  }
  return memory;
}

}  // namespace relinkd::actuator
