// SPDX-License-Identifier: Apache-2.0
#include "watch/socket_census.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/text.hpp"

namespace relinkd::watch {

namespace {

/// The inodes of this process' sockets ("socket:[4711]" in /proc/self/fd, proc(5)).
std::set<std::uint64_t> own_sockets() {
  static constexpr std::string_view kPrefix = "socket:[";
  std::set<std::uint64_t> inodes;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const std::string target = std::filesystem::read_symlink(entry.path(), error).string();
    if (error || !target.starts_with(kPrefix) || !target.ends_with(']')) continue;
    const auto number = parse_u64(
        std::string_view(target).substr(kPrefix.size(), target.size() - kPrefix.size() - 1));
    if (number) inodes.insert(*number);
  }
  return inodes;
}

}  // namespace

SocketCensus::SocketCensus(loop::Loop& loop)
    : loop_(loop), next_(loop.deadlines(), [this] { count(); }) {
  // Where the kernel has no inet_diag, nothing can be counted: every address stays of interest.
  if (auto lister = kernel::SocketLister::open()) lister_.emplace(std::move(*lister));
}

SocketCensus::~SocketCensus() = default;

SocketCensus::Interest::Interest(SocketCensus& census, const Address& address, Counted counted)
    : census_(census), address_(address), counted_(std::move(counted)) {
  census_.interests_.emplace(address_, this);
  // At once, with all that others ask for in this turn.
  census_.next_.set(census_.loop_.now().at);
}

SocketCensus::Interest::~Interest() {
  const auto [first, last] = census_.interests_.equal_range(address_);
  const auto it = std::find_if(first, last, [this](const auto& e) { return e.second == this; });
  if (it != last) census_.interests_.erase(it);
}

void SocketCensus::count() {
  if (interests_.empty() || !lister_) return;
  next_.set(loop_.now().at + kInterval);
  std::vector<Address> remotes;
  for (auto it = interests_.begin(); it != interests_.end();
       it = interests_.upper_bound(it->first)) {
    remotes.push_back(it->first);
  }
  const auto sockets = lister_->to(remotes);
  // What cannot be counted now may be the next time.
  if (!sockets) return;
  std::map<Address, std::uint64_t> counts;
  const std::set<std::uint64_t> own = sockets->empty() ? std::set<std::uint64_t>() : own_sockets();
  for (const kernel::TcpSocket& s : *sockets) {
    // Without an inode it is one that its process has closed, and the kernel not yet.
    if (s.inode != 0 && !own.contains(s.inode)) ++counts[s.remote];
  }
  for (const auto& [address, interest] : interests_) interest->counted_(counts[address]);
}

}  // namespace relinkd::watch
