// SPDX-License-Identifier: Apache-2.0
#include "apps/census.hpp"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "base/text.hpp"

namespace relinkd::apps {

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

/// Leaves out what no process holds any more, and this process' own.
void keep_others(std::vector<kernel::TcpSocket>& sockets) {
  std::erase_if(sockets, [](const kernel::TcpSocket& s) { return s.inode == 0; });
  const uid_t self = geteuid();
  // Reading the list of thousands of descriptors is worth avoiding.
  if (std::none_of(sockets.begin(), sockets.end(), [&](const auto& s) { return s.uid == self; })) {
    return;
  }
  const std::set<std::uint64_t> own = own_sockets();
  std::erase_if(sockets, [&](const kernel::TcpSocket& s) { return own.contains(s.inode); });
}

core::AppSocketSample sample_of(const kernel::TcpSocket& s) {
  core::AppSocketSample sample;
  sample.tcp_state = s.state;
  sample.unacked_segments = s.facts.unacked_segments;
  sample.bytes_acked = s.facts.bytes_acked;
  sample.write_queue = s.write_queue;
  sample.read_queue = s.read_queue;
  sample.total_retrans = s.facts.total_retrans;
  sample.retransmits = s.facts.retransmits;
  sample.since_data_sent = s.facts.since_data_sent;
  sample.since_data_received = s.facts.since_data_received;
  sample.since_ack_received = s.facts.since_ack_received;
  sample.rto = s.facts.rto;
  sample.rtt = s.facts.rtt;
  // Numbers beyond those that are known say nothing.
  using Timer = core::AppSocketSample::Timer;
  if (s.timer <= static_cast<std::uint8_t>(Timer::ZeroWindowProbe)) {
    sample.timer = static_cast<Timer>(s.timer);
  }
  sample.timer_left = s.timer_left;
  return sample;
}

}  // namespace

Census::Census(loop::Loop& loop, Owner& owner)
    : loop_(loop),
      owner_(owner),
      matcher_({}),
      next_(loop.deadlines(), [this] { look(); }),
      closely_(loop.deadlines(), [this] { look_closely(); }) {
  // Where the kernel has no inet_diag the first look says so.
  if (auto lister = kernel::SocketLister::open()) lister_.emplace(std::move(*lister));
  // Without cgroup v2 apps can be told by their users only.
  if (auto cgroups = kernel::Cgroups::open()) cgroups_.emplace(std::move(*cgroups));
}

void Census::configure(const std::vector<config::App>& apps) {
  if (apps != apps_) {
    // Whose a socket is may be another now; what it was opened to stays.
    for (const auto& [cookie, one] : followed_) {
      if (one.state.opened_to_primary()) restored_[one.target].insert(cookie);
    }
    followed_.clear();
    apps_ = apps;
    matcher_ = orders::AppMatcher(apps_);
  }
  look_soon();
}

void Census::restore(const core::RelinkTarget& target, const std::vector<std::uint64_t>& cookies) {
  restored_[target].insert(cookies.begin(), cookies.end());
}

void Census::look_soon() {
  const MonoTime now = loop_.now().at;
  const MonoTime soonest =
      last_look_ == MonoTime::min() ? now : std::max(now, last_look_ + kClosely);
  if (next_.due() > soonest) next_.set(soonest);
}

void Census::stop() {
  next_.clear();
  closely_.clear();
}

const FollowedSocket* Census::find(std::uint64_t cookie) const {
  const auto it = followed_.find(cookie);
  return it == followed_.end() ? nullptr : &it->second;
}

std::string Census::cgroup_path(std::uint64_t id) {
  if (!cgroups_ || id == 0) return {};
  return cgroups_->path(id, loop_.now().at).value_or("");
}

Census::Places Census::places_of(const std::vector<Endpoint>& endpoints) {
  Places places;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    for (const watch::Place& p : endpoints[i].places) {
      places.emplace(p.address, std::pair(i, p.standing));
    }
  }
  return places;
}

// --- all of them ------------------------------------------------------------------------------

void Census::look() {
  last_look_ = loop_.now().at;
  const MonoTime begun = loop::Loop::clock();
  std::vector<Endpoint> endpoints = owner_.endpoints();
  std::set<std::string, std::less<>> named;
  for (const config::App& app : apps_) named.insert(app.endpoints.begin(), app.endpoints.end());
  std::vector<Address> remotes;
  watches_formers_ = false;
  for (Endpoint& e : endpoints) {
    if (!named.contains(e.name)) e.places.clear();
    for (const watch::Place& p : e.places) remotes.push_back(p.address);
    remotes.insert(remotes.end(), e.formers.begin(), e.formers.end());
    watches_formers_ = watches_formers_ || !e.formers.empty();
  }
  std::vector<kernel::TcpSocket> listed;
  if (!remotes.empty()) {
    auto sockets = lister_ ? lister_->to(remotes)
                           : Error{"the kernel cannot be asked for TCP sockets (inet_diag)"};
    if (!sockets) {
      // What cannot be seen now may be the next time; until then nothing is known to have changed.
      if (!std::exchange(blind_, true)) owner_.on_blind(sockets.error().message);
      return schedule(loop::Loop::clock() - begun);
    }
    listed = *std::move(sockets);
  }
  blind_ = false;
  keep_others(listed);
  count_formers(listed, endpoints);
  endpoints_ = std::move(endpoints);
  places_ = places_of(endpoints_);
  take(std::move(listed));
  looked_at_ = loop::Loop::wall();
  schedule(loop::Loop::clock() - begun);
  owner_.on_looked(true);
}

void Census::schedule(Duration taken) {
  const MonoTime now = loop_.now().at;
  if (!apps_.empty()) {
    next_.set(now + std::max(Duration(kInterval), taken * kShare));
  } else if (watches_formers_) {
    next_.set(now + std::max(Duration(kFormersOnly), taken * kShare));
  }
}

void Census::count_formers(const std::vector<kernel::TcpSocket>& listed,
                           const std::vector<Endpoint>& endpoints) {
  std::map<Address, std::uint64_t> counts;
  for (const Endpoint& e : endpoints) {
    for (const Address& f : e.formers) counts[f] = 0;
  }
  if (counts.empty()) return;
  for (const kernel::TcpSocket& s : listed) {
    const auto it = counts.find(s.remote);
    if (it != counts.end()) ++it->second;
  }
  for (const Endpoint& e : endpoints) {
    for (const Address& f : e.formers) owner_.on_former_counted(e.name, f, counts[f]);
  }
}

std::optional<Census::Owned> Census::owner_of(std::string_view cgroup, uid_t uid,
                                              const Address& remote) const {
  std::optional<Owned> found;
  const auto [first, last] = places_.equal_range(remote);
  for (auto it = first; it != last; ++it) {
    const auto& [endpoint, standing] = it->second;
    const auto app = matcher_.owner(cgroup, uid, endpoints_[endpoint].name);
    if (!app || (found && found->app <= *app)) continue;
    found = Owned{*app, endpoint, &standing};
  }
  return found;
}

Census::Claim Census::claim(std::uint64_t cgroup, uid_t uid, const Address& remote) {
  Claim claim;
  if (!places_.contains(remote)) return claim;
  const std::string path = cgroup_path(cgroup);
  claim.sure = !(cgroups_ && cgroup != 0 && path.empty());
  if (const auto owned = owner_of(path, uid, remote); owned && claim.sure) {
    claim.target = core::RelinkTarget{apps_[owned->app].name, endpoints_[owned->endpoint].name};
  }
  return claim;
}

void Census::take(std::vector<kernel::TcpSocket> listed) {
  const MonoTime now = loop_.now().at;
  std::unordered_map<std::uint64_t, FollowedSocket> followed;
  bool suspects = false;
  for (kernel::TcpSocket& s : listed) {
    const auto [first, last] = places_.equal_range(s.remote);
    if (first == last) continue;
    auto known = followed_.find(s.cookie);
    const core::NodeStanding* standing = nullptr;
    if (known != followed_.end()) {
      for (auto it = first; it != last; ++it) {
        if (endpoints_[it->second.first].name == known->second.target.endpoint) {
          standing = &it->second.second;
        }
      }
    }
    if (standing == nullptr) {
      // A new one, or one whose endpoint has left this address: whose is it?
      const std::string cgroup = cgroup_path(s.cgroup);
      // The tree is read once a second at most: whose it is, the next look tells.
      if (cgroups_ && s.cgroup != 0 && cgroup.empty()) continue;
      const auto owned = owner_of(cgroup, s.uid, s.remote);
      if (!owned) continue;
      standing = owned->standing;
      core::RelinkTarget target{apps_[owned->app].name, endpoints_[owned->endpoint].name};
      const auto before = restored_.find(target);
      const bool known_before = before != restored_.end() && before->second.contains(s.cookie);
      FollowedSocket fresh{std::move(target), s, cgroup, core::AppSocket(now, known_before)};
      known = followed_.insert_or_assign(s.cookie, std::move(fresh)).first;
    }
    FollowedSocket& one = known->second;
    one.socket = std::move(s);
    one.state.look(sample_of(one.socket), *standing, now);
    if (one.state.suspect()) {
      suspects = true;
      owner_.on_suspect(one.target.endpoint, one.socket.remote);
    }
    const std::uint64_t cookie = one.socket.cookie;
    followed.emplace(cookie, std::move(one));
  }
  followed_ = std::move(followed);
  if (suspects && closely_.due() == kNever) closely_.set(now + kClosely);
}

// --- the suspects -----------------------------------------------------------------------------

void Census::look_at(std::uint64_t cookie, std::uint64_t bytes_acked, std::uint32_t total_retrans) {
  const auto it = followed_.find(cookie);
  if (it == followed_.end()) return;
  it->second.hurried = true;
  it->second.state.repeated(bytes_acked, total_retrans);
  const MonoTime soon = loop_.now().at + kSoon;
  if (closely_.due() > soon) closely_.set(soon);
}

void Census::look_closely() {
  if (!lister_) return;
  const MonoTime now = loop_.now().at;
  const std::vector<Endpoint> endpoints = owner_.endpoints();
  const Places places = places_of(endpoints);
  std::size_t looked = 0;
  std::vector<std::uint64_t> gone;
  std::set<std::pair<std::string, Address>> suspects;
  for (auto& [cookie, one] : followed_) {
    if (!one.state.suspect() && !one.hurried) continue;
    if (++looked > kMostClosely) break;
    const bool hurried = std::exchange(one.hurried, false);
    auto socket = lister_->again(one.socket);
    // Cannot be asked now: the next full look will tell.
    if (!socket) return;
    if (!*socket || (*socket)->inode == 0) {
      gone.push_back(cookie);
      continue;
    }
    one.socket = **socket;
    const auto [first, last] = places.equal_range(one.socket.remote);
    for (auto it = first; it != last; ++it) {
      if (endpoints[it->second.first].name != one.target.endpoint) continue;
      one.state.look(sample_of(one.socket), it->second.second, now);
      break;
    }
    if (one.state.suspect() || hurried) {
      suspects.emplace(one.target.endpoint, one.socket.remote);
    }
  }
  for (const std::uint64_t cookie : gone) followed_.erase(cookie);
  for (const auto& [endpoint, node] : suspects) owner_.on_suspect(endpoint, node);
  if (!suspects.empty()) closely_.set(now + kClosely);
  if (looked > 0) owner_.on_looked(false);
}

}  // namespace relinkd::apps
