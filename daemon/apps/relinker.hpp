// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apps/actuator_client.hpp"
#include "apps/census.hpp"
#include "apps/out_of_sight.hpp"
#include "base/entropy.hpp"
#include "config/settings.hpp"
#include "core/relink_planner.hpp"
#include "loop/loop.hpp"
#include "watch/endpoint.hpp"

namespace relinkd::apps {

/// What the relinker has to know of an endpoint, as the daemon shows it.
struct EndpointNow {
  watch::Endpoint* endpoint = nullptr;
  core::Condition shown = core::Condition::Unknown;
  std::string incident;  ///< open, or ended within the last minute; empty: none
  /// When it last became half-open, or another primary proved itself.
  std::optional<MonoTime> disturbed;
};

/// Brings together the applications' sockets, the planner that decides, and the actuator that
/// carries out, and sees to it that what was ordered is verified. Decides nothing itself.
class Relinker : public Census::Owner {
 public:
  class Observer {
   public:
    Observer() = default;
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;
    virtual ~Observer() = default;
    /// A decision, an action's result, a verified outcome: once each.
    virtual void on_relink(const core::RelinkNews& news) = 0;
    /// An order is about to be given to the actuator.
    virtual void on_ordered(const core::RelinkOrder& order) = 0;
    /// An order was carried out, or was not.
    virtual void on_acted(const core::RelinkOrder& order, core::RelinkOutcome outcome,
                          const std::string& detail) = 0;
    /// The applications' sockets were looked at: all of them, or only some.
    virtual void on_looked(bool full) = 0;
    /// By app, in the order of the configuration.
    virtual void on_out_of_sight(const std::vector<std::uint64_t>& processes) = 0;
    /// The actuator can be reached, and what it can do; or cannot, and why. Once until it changes.
    virtual void on_actuator(bool reachable, const std::string& detail) = 0;
    virtual void on_blind(const std::string& why) = 0;
    /// Something changed that outlives a restart. `at_once`: an action is about to be carried out
    /// that must not be repeated if this process is killed now.
    virtual void on_memory_changed(bool at_once) = 0;
  };

  /// `endpoints`: those that are watched, in the order of the configuration. `new_incident`: see
  /// core::RelinkPlanner.
  Relinker(loop::Loop& loop, Entropy entropy, ActuatorClient& actuator,
           std::function<std::vector<EndpointNow>()> endpoints,
           std::function<std::string(const core::RelinkTarget&)> new_incident, Observer& observer);
  ~Relinker() override;
  Relinker(const Relinker&) = delete;
  Relinker& operator=(const Relinker&) = delete;

  /// What outlives a restart.
  struct Memory {
    core::RelinkMemory plans;
    std::map<core::RelinkTarget, std::vector<std::uint64_t>> opened_to_primary;
  };
  /// To be called before configure(), if at all.
  void restore(const Memory& memory);
  [[nodiscard]] Memory memory() const;

  void configure(const config::Settings& settings);
  void stop();
  /// An endpoint's condition, primary or places may be others now.
  void endpoint_changed();

  /// By a person. The news of a dry run are returned and told to nobody.
  std::vector<core::RelinkNews> order(const std::string& app, bool dry_run);
  void reset(const std::string& app);
  void pause(MonoTime until);
  void resume();

  [[nodiscard]] const core::RelinkPlanner& planner() const { return planner_; }
  [[nodiscard]] const Census& census() const { return census_; }
  [[nodiscard]] Census& census() { return census_; }
  [[nodiscard]] const orders::AppMatcher& matcher() const { return census_.matcher(); }

 private:
  /// An order to the actuator may be many: one for each socket.
  struct UnderWay {
    core::RelinkOrder order;
    std::size_t left = 0;
    std::size_t done = 0;
    bool lost = false;
    std::string detail;  ///< of the first that was not done
  };

  std::vector<Census::Endpoint> endpoints() override;
  void on_looked(bool full) override;
  void on_former_counted(const std::string& endpoint, const Address& former,
                         std::uint64_t sockets) override;
  void on_suspect(const std::string& endpoint, const Address& node) override;
  void on_blind(const std::string& why) override { observer_.on_blind(why); }
  void on_answer(std::uint64_t order, const Result<ActuatorClient::Reply>& reply);

  void remember_openings(MonoTime now);
  void tell_health();
  void carry_out(core::RelinkPlan plan);
  void send(const core::RelinkOrder& order);
  void settle(std::uint64_t order, bool done, bool lost, const std::string& detail);
  void finish(std::uint64_t id);
  void ask_support();
  void set_reachable(bool reachable, const std::string& detail);

  loop::Loop& loop_;
  std::function<std::vector<EndpointNow>()> now_;
  Observer& observer_;
  config::Settings settings_;
  std::set<std::string, std::less<>> named_;                      ///< endpoints that apps name
  std::map<std::string, watch::Endpoint*, std::less<>> by_name_;  ///< of the look under way
  core::RelinkPlanner planner_;
  Census census_;
  OutOfSight out_of_sight_;
  ActuatorClient& actuator_;
  std::set<core::RelinkTarget> seen_;            ///< targets that had sockets at the last full look
  std::map<std::uint64_t, UnderWay> under_way_;  ///< by the planner's id
  bool asking_ = false;  ///< the question what the actuator can do is under way
  std::optional<bool> reachable_;
  std::string reachable_detail_;
  std::map<Address, MonoTime> hurried_;
  std::set<std::uint64_t> remembered_;  ///< cookies that were opened to a primary, as last told
  MonoTime remembered_at_{};
  bool health_is_due_ = false;
  loop::Deadline deadline_;
  loop::Deadline ask_again_;
};

}  // namespace relinkd::apps
