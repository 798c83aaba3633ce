// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/link_machine.hpp"
#include "story.hpp"
#include "support/link_invariants.hpp"

namespace relinkd::fuzz {

namespace {

using namespace core;  // NOLINT(google-build-using-namespace): every event and label

core::LinkLimits limits_of(std::uint8_t choice) {
  LinkLimits l;
  if ((choice & 1U) != 0) l.ping_interval = 100ms;
  if ((choice & 2U) != 0) l.command_timeout = 150ms;
  if ((choice & 4U) != 0) l.slow_threshold = 5s;
  if ((choice & 8U) != 0) l.backoff_max = 50ms;
  if ((choice & 16U) != 0) l.expect_primary = false;
  return l;
}

/// Two machines that are told the same, and the kernel of this host.
class LinkStory {
 public:
  LinkStory(LinkLimits limits, std::uint64_t seed)
      : limits_(limits),
        machine_(limits, Entropy(seed)),
        replay_(limits, Entropy(seed)),
        invariants_(limits) {}

  void feed(const LinkEvent& event, Duration lag = {}) {
    const Now now{now_, lag};
    orders_ = machine_.on(event, now);
    const std::string text = test::describe(orders_);
    require(text == test::describe(replay_.on(event, now)), "the same events, other orders", text);
    if (const auto broken = invariants_.check(event, now, orders_, machine_.condition())) {
      fail(*broken, text);
    }
    if (orders_.dial) sample_ = TcpSample{};
    if (orders_.probe) {
      ++sample_.data_segs_out;
      machine_.probe_sent(sample_);
      replay_.probe_sent(sample_);
    }
  }

  void deadline(Duration lag) {
    event::Deadline e;
    if (machine_.wants_sample(now_)) e.sample = sample_;
    if (machine_.wants_local_path(now_)) e.local = local_;
    feed(e, lag);
  }

  void step(Bytes& bytes) {
    switch (bytes.next() % 16) {
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
      case 4: now_ += bytes.next() * Duration(4ms); return;
      case 5: return feed(event::Dialed{bytes.next() * Duration(4ms)});
      case 6: {
        DialFailure f;
        f.result = bytes.pick<ConnectResult>(kConnectResultNames.size());
        f.detail = "failed";
        const std::uint8_t flags = bytes.next();
        f.name_failing = (flags & 1U) != 0;
        f.tcp_established = (flags & 2U) != 0;
        // A dial that failed did not succeed.
        if (f.result == ConnectResult::Ok) f.result = ConnectResult::Timeout;
        return feed(event::DialFailed{f});
      }
      case 7: return feed(event::DialUnanswered{bytes.pick<LocalPath>(3)});
      case 8:
        sample_.unacked_bytes = 0;
        return feed(event::Replied{bytes.pick<ReplyKind>(8), "answered"},
                    (bytes.next() % 4) * Duration(30ms));
      case 9: return feed(event::RoleSaid{bytes.next() % 2 == 0, "10.0.0.1:6379"});
      case 10: return feed(event::Ended{{bytes.pick<Ending::How>(9), "ended"}});
      case 11: return feed(event::Witnessed{bytes.pick<WitnessResult>(6), 1ms, "witnessed"});
      case 12: return feed(event::ProbeNow{});
      case 13: return feed(event::Moved{"moved"});
      case 14: {
        const std::uint8_t choice = bytes.next();
        sample_.total_retrans += choice % 4U;
        sample_.data_segs_out += choice % 4U;
        sample_.unacked_bytes = (choice & 4U) != 0 ? 14 : 0;
        local_ = static_cast<LocalPath>(choice / 8 % 3);
        return;
      }
      default:
        // Early, or with other limits from now on.
        limits_.command_timeout = bytes.next() % 2 == 0 ? 2s : 300ms;
        machine_.set_limits(limits_);
        replay_.set_limits(limits_);
        return deadline({});
    }
  }

  /// Whatever happened: from now on dials succeed and PINGs are answered.
  void recover() {
    const MonoTime begin = now_;
    for (int i = 0; machine_.condition() != Condition::Ok; ++i) {
      require(i < 100 && now_ - begin < 1min, "a healthy server is not found to be ok",
              test::describe(orders_));
      if (invariants_.dialing()) {
        now_ += 1ms;
        feed(event::Dialed{1ms});
      } else if (invariants_.ping_outstanding()) {
        now_ += 1ms;
        feed(event::RoleSaid{false, ""});
        feed(event::Replied{ReplyKind::Pong, ""});
      } else {
        now_ = std::max(now_, orders_.deadline);
        deadline({});
      }
    }
  }

 private:
  LinkLimits limits_;
  LinkMachine machine_;
  LinkMachine replay_;
  test::LinkInvariants invariants_;
  MonoTime now_ = MonoTime{} + 1h;
  LinkOrders orders_;
  TcpSample sample_;
  LocalPath local_ = LocalPath::Usable;
};

}  // namespace

void tell_link(Bytes bytes) {
  const LinkLimits limits = limits_of(bytes.next());
  LinkStory story(limits, bytes.next());
  story.feed(event::Start{});
  while (!bytes.empty()) story.step(bytes);
  story.recover();
}

}  // namespace relinkd::fuzz
