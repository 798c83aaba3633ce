// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/settings.hpp"
#include "core/app_socket.hpp"
#include "core/relink_planner.hpp"
#include "kernel/cgroups.hpp"
#include "kernel/sockets.hpp"
#include "loop/loop.hpp"
#include "orders/owner.hpp"
#include "watch/endpoint.hpp"

namespace relinkd::apps {

/// An app's connection to a node of one of its endpoints.
struct FollowedSocket {
  core::RelinkTarget target;
  kernel::TcpSocket socket;  ///< as of the last look
  std::string cgroup;        ///< path; empty: not known
  core::AppSocket state;
  bool hurried = false;  ///< to be looked at by itself now
};

/// Looks at the TCP sockets of this host that lead to nodes of the endpoints, and follows those of
/// apps. Each belongs to one app and one endpoint: of the apps that fit its cgroup and uid, the
/// first of the configuration that names an endpoint with its remote address.
///
/// A full look lists all of them, once a second where there are apps, and rarer where that would
/// take more than kShare of a core; every kFormersOnly where only former primaries are of interest.
/// In between, sockets on which something is overdue are looked at every kClosely, one by one.
class Census {
 public:
  static constexpr Duration kInterval = 1s;
  static constexpr Duration kFormersOnly = 5s;
  static constexpr Duration kClosely = 100ms;
  /// After data were repeated: the kernel tells times in its ticks of up to 10 ms, so that a PING
  /// which is sent at once would seem to have been sent before. And no more often than this.
  static constexpr Duration kSoon = 20ms;
  /// One hundredth of a core: after a look of 20 ms the next is 2 s later.
  static constexpr int kShare = 100;
  /// Sockets looked at one by one in a turn, at about 5 µs each.
  static constexpr std::size_t kMostClosely = 2000;

  /// One endpoint, as it is now.
  struct Endpoint {
    std::string name;
    std::vector<watch::Place> places;
    std::vector<Address> formers;
  };

  class Owner {
   public:
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    virtual ~Owner() = default;
    /// Those that are watched now, in the order of the configuration.
    virtual std::vector<Endpoint> endpoints() = 0;
    /// Sockets were looked at: all of them, or only some.
    virtual void on_looked(bool full) = 0;
    /// So many connections of other processes lead to a former primary.
    virtual void on_former_counted(const std::string& endpoint, const Address& former,
                                   std::uint64_t sockets) = 0;
    /// Something is overdue on a connection to this node: it should be asked for a sign of life.
    virtual void on_suspect(const std::string& endpoint, const Address& node) = 0;
    /// The kernel does not list its sockets; once, until it does again.
    virtual void on_blind(const std::string& why) = 0;
  };

  Census(loop::Loop& loop, Owner& owner);
  Census(const Census&) = delete;
  Census& operator=(const Census&) = delete;

  void configure(const std::vector<config::App>& apps);
  /// Sockets that a process before this one knew to have been opened while their node was the
  /// primary. To be called before the first look.
  void restore(const core::RelinkTarget& target, const std::vector<std::uint64_t>& cookies);
  /// A full look as soon as kClosely allows: something happened to a node, or a socket was
  /// destroyed.
  void look_soon();
  void stop();

  [[nodiscard]] const std::unordered_map<std::uint64_t, FollowedSocket>& sockets() const {
    return followed_;
  }
  [[nodiscard]] const FollowedSocket* find(std::uint64_t cookie) const;
  /// Whose a connection to this address is that no look has seen yet. Nothing: no app's, by what is
  /// known; `sure` is false where the next look may know better, since a cgroup is new.
  struct Claim {
    std::optional<core::RelinkTarget> target;
    bool sure = true;
  };
  [[nodiscard]] Claim claim(std::uint64_t cgroup, uid_t uid, const Address& remote);
  /// Whether connections to this address were looked for in the last full look.
  [[nodiscard]] bool watches(const Address& remote) const { return places_.contains(remote); }
  /// The kernel has just repeated data on this connection: it is looked at, and its node asked for
  /// a sign of life.
  void look_at(std::uint64_t cookie, std::uint64_t bytes_acked, std::uint32_t total_retrans);
  /// When the last full look was.
  [[nodiscard]] std::optional<WallTime> looked_at() const { return looked_at_; }
  [[nodiscard]] const orders::AppMatcher& matcher() const { return matcher_; }
  /// The path of a cgroup's id; empty: not known.
  std::string cgroup_path(std::uint64_t id);

 private:
  /// Who may be connected to an address: the endpoint, by its place in the list, and the standing.
  using Places = std::multimap<Address, std::pair<std::size_t, core::NodeStanding>>;

  void look();
  void take(std::vector<kernel::TcpSocket> listed);
  void count_formers(const std::vector<kernel::TcpSocket>& listed,
                     const std::vector<Endpoint>& endpoints);
  void look_closely();
  void schedule(Duration taken);
  [[nodiscard]] static Places places_of(const std::vector<Endpoint>& endpoints);
  /// Of all apps that name an endpoint at this address, the first of the configuration that fits.
  struct Owned {
    std::size_t app = 0;
    std::size_t endpoint = 0;
    const core::NodeStanding* standing = nullptr;
  };
  [[nodiscard]] std::optional<Owned> owner_of(std::string_view cgroup, uid_t uid,
                                              const Address& remote) const;

  loop::Loop& loop_;
  Owner& owner_;
  std::vector<config::App> apps_;
  std::vector<Endpoint> endpoints_;  ///< as of the last full look
  Places places_;                    ///< of these
  orders::AppMatcher matcher_;
  std::optional<kernel::SocketLister> lister_;
  std::optional<kernel::Cgroups> cgroups_;
  std::unordered_map<std::uint64_t, FollowedSocket> followed_;
  std::map<core::RelinkTarget, std::set<std::uint64_t>> restored_;
  std::optional<WallTime> looked_at_;
  MonoTime last_look_ = MonoTime::min();
  bool blind_ = false;
  bool watches_formers_ = false;
  loop::Deadline next_;
  loop::Deadline closely_;
};

}  // namespace relinkd::apps
