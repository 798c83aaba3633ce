// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/app_socket.hpp"
#include "flow.hpp"
#include "watched.hpp"
#include "world.hpp"

namespace relinkd::sim {

/// An application with one connection, which it uses again and again; and the census of relinkd,
/// which looks at that connection once a second, and every 100 ms while something is overdue. The
/// node is asked then, as the census asks it.
class App : public Actor, private Flow::Owner {
 public:
  /// `node`: the watch of the same node. `server` may be another one, whose commands block while
  /// the node answers.
  App(World& world, Path& path, Server& server, Watched& node, Duration longest_pause);

  void start() { flow_.open(); }
  void forget_flow() { flow_.forget(); }
  /// Ends the connection, as the kernel does for relinkd; the app opens another one.
  void reconnect();

  [[nodiscard]] core::AppSocketState state() const { return socket_->state(); }
  [[nodiscard]] const core::AppSocket& socket() const { return *socket_; }
  /// Since when the app waits for an answer; nothing: it does not.
  [[nodiscard]] std::optional<MonoTime> waits_since() const { return waits_since_; }
  [[nodiscard]] std::uint64_t answers() const { return answers_; }
  /// How often it came into this state.
  [[nodiscard]] std::uint64_t entered(core::AppSocketState state) const {
    return entered_[static_cast<std::size_t>(state)];
  }

  void on_event(const Event& event) override;

 private:
  enum Kind : std::uint32_t { Use, FullLook, CloseLook };

  void on_established(Flow& flow, Duration rtt) override;
  void on_three_syns(Flow&) override {}
  void on_message(Flow& flow) override;
  void on_end(Flow& flow, core::Ending::How how, bool was_established) override;

  void look();
  void schedule(Duration in, Kind kind, std::uint32_t generation = 0);

  World& world_;
  Watched& node_;
  Duration longest_pause_;
  Flow flow_;
  std::uint32_t life_ = 0;  ///< of the connection
  bool looks_closely_ = false;
  std::optional<core::AppSocket> socket_;
  std::optional<MonoTime> waits_since_;
  std::uint64_t answers_ = 0;
  std::array<std::uint64_t, core::kAppSocketStateNames.size()> entered_{};
};

}  // namespace relinkd::sim
