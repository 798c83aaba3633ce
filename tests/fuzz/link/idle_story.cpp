// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "core/idle_machine.hpp"
#include "story.hpp"

namespace relinkd::fuzz {

namespace {

using namespace core;  // NOLINT(google-build-using-namespace): every event and label

std::string describe(const IdleOrders& o) {
  std::string text;
  if (o.hangup)
    text += fmt::format("hangup({}: {}) ", to_string(o.hangup->cause), o.hangup->evidence);
  if (o.ended) text += fmt::format("ended({}: {}) ", to_string(o.ended->cause), o.ended->evidence);
  if (o.found) text += fmt::format("found({}) ", o.found->to_string());
  if (o.cleared) text += "cleared ";
  if (o.dial) text += "dial ";
  if (o.probe) text += "probe ";
  if (o.ask_node) text += "ask_node ";
  return text + fmt::format("deadline={}", o.deadline.time_since_epoch().count());
}

class IdleStory {
 public:
  IdleStory(const IdleLimits& limits, std::uint64_t seed)
      : limits_(limits), machine_(limits, Entropy(seed)), replay_(limits, Entropy(seed)) {}

  void feed(const IdleEvent& event, Duration lag = {}) {
    const Now now{now_, lag};
    const bool had_cut = machine_.cut().has_value();
    orders_ = machine_.on(event, now);
    const std::string text = describe(orders_);
    require(text == describe(replay_.on(event, now)), "the same events, other orders", text);
    apply(event);
    check(event, text);
    require(!orders_.cleared || had_cut, "nothing there to be cleared", text);
    if (orders_.probe) {
      sample_ = TcpSample{14, 0, 1, 1ms};
      machine_.probe_sent(sample_);
      replay_.probe_sent(sample_);
    }
  }

  void deadline(Duration lag) {
    idle::Deadline e;
    if (machine_.wants_sample()) e.sample = sample_;
    feed(e, lag);
  }

  void step(Bytes& bytes) {
    switch (bytes.next() % 12) {
      case 0:
      case 1:
      case 2:
        if (orders_.deadline != kNever) now_ = std::max(now_, orders_.deadline);
        return deadline({});
      case 3: {
        const Duration lag = bytes.next() * Duration(20ms);
        if (orders_.deadline != kNever) now_ = std::max(now_, orders_.deadline) + lag;
        return deadline(lag);
      }
      case 4: now_ += bytes.next() * Duration(20ms); return;
      case 5: return feed(idle::Ready{});
      case 6: return feed(idle::DialFailed{});
      case 7: sample_.unacked_bytes = 0; return feed(idle::Replied{});
      case 8: return feed(idle::Ended{{bytes.pick<Ending::How>(9), "ended"}});
      case 9:
        return feed(idle::NodeProven{now_ - bytes.next() * Duration(20ms), 3 + bytes.next() % 5});
      case 10:
        switch (bytes.next() % 3) {
          case 0: return feed(idle::NodeDisturbed{});
          case 1: return feed(idle::NodeExplained{Cause::Shutdown, "explained"});
          default: return feed(idle::Moved{"moved"});
        }
      default: sample_.total_retrans += bytes.next() % 4U; return;
    }
  }

 private:
  void apply(const IdleEvent& event) {
    if (std::holds_alternative<idle::Ready>(event) && dialing_) {
      dialing_ = false;
      silent_ = true;
    }
    const bool failed = std::holds_alternative<idle::DialFailed>(event) ||
                        std::holds_alternative<idle::Ended>(event);
    if (failed && dialing_) dialing_ = false;
    if (std::holds_alternative<idle::Ended>(event)) silent_ = probing_ = false;
    if (std::holds_alternative<idle::Replied>(event) && probing_) {
      probing_ = false;
      silent_ = true;
    }
  }

  void check(const IdleEvent& event, const std::string& text) {
    if (orders_.hangup) {
      require(silent_ || probing_, "a hangup without a connection", text);
      require(!orders_.ended, "one connection, two endings", text);
      silent_ = probing_ = false;
    }
    if (orders_.dial) {
      require(!dialing_ && !silent_ && !probing_, "a dial beside a connection", text);
      dialing_ = true;
    }
    if (orders_.probe) {
      require(silent_, "a PING beside another, or without a connection", text);
      silent_ = false;
      probing_ = true;
    }
    const bool waits = !dialing_ && !(silent_ && limits_.only_keepalive);
    require(!waits || orders_.deadline != kNever, "it waits, and no deadline will wake it", text);
    const bool still = std::holds_alternative<idle::Deadline>(event) && orders_.deadline <= now_ &&
                       !orders_.dial && !orders_.probe && now_ == last_;
    last_ = now_;
    standing_still_ = still ? standing_still_ + 1 : 0;
    require(standing_still_ <= 2, "deadlines in the past again and again", text);
    if (orders_.found) {
      const auto& cut = machine_.cut();
      require(cut && cut->age == orders_.found->age, "found is not what is held", text);
      require(cut->age >= Duration::zero() && cut->survived <= cut->age, "an impossible age", text);
    }
    require(!orders_.cleared || !machine_.cut(), "cleared, and still held", text);
  }

  IdleLimits limits_;
  IdleMachine machine_;
  IdleMachine replay_;
  MonoTime now_ = MonoTime{} + 1h;
  IdleOrders orders_;
  TcpSample sample_;
  bool dialing_ = false;
  bool silent_ = false;
  bool probing_ = false;
  MonoTime last_{};
  int standing_still_ = 0;
};

}  // namespace

void tell_idle(Bytes bytes) {
  IdleLimits limits;
  limits.only_keepalive = bytes.next() % 4 == 0;
  if (!limits.only_keepalive) limits.ages = {1s, 5s, 10s};
  limits.backoff_max = 1s;
  IdleStory story(limits, bytes.next());
  story.feed(idle::Start{});
  while (!bytes.empty()) story.step(bytes);
}

}  // namespace relinkd::fuzz
