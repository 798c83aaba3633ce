// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/app_socket.hpp"
#include "core/evidence.hpp"
#include "world.hpp"

namespace relinkd::sim {

/// The way between this host and a server, both directions alike.
struct Path {
  Duration delay = 250us;                           ///< one way
  double loss = 0;                                  ///< of each packet, independently
  bool cut = false;                                 ///< nothing gets through
  bool replies_cut = false;                         ///< nothing comes back
  core::LocalPath local = core::LocalPath::Usable;  ///< what rtnetlink says of this host's side
  Duration forgets_after{};  ///< a middlebox drops a flow that was silent for longer; 0: never
};

class Flow;

/// A server's host and process. Its kernel acknowledges while the process is stopped.
class Server {
 public:
  enum class State : std::uint8_t { Runs, Stopped, Gone };

  [[nodiscard]] State state() const { return state_; }
  void stop() { state_ = State::Stopped; }                   ///< SIGSTOP, a long command, a fork
  void resume();                                             ///< answers what came meanwhile
  void kill();                                               ///< its kernel closes every connection
  void start() { state_ = State::Runs; }                     ///< after kill()
  void close_idle_after(Duration time) { timeout_ = time; }  ///< redis.conf's timeout; 0: never
  [[nodiscard]] Duration timeout() const { return timeout_; }
  void attach(Flow& flow) { flows_.push_back(&flow); }

 private:
  State state_ = State::Runs;
  Duration timeout_{};
  std::vector<Flow*> flows_;
};

/// One TCP connection between this host and a server, as both kernels (Linux) run it: SYN
/// retransmission, tail-loss probe and retransmissions with exponential back-off, delayed and
/// duplicate ACKs, the user timeout. Every message is one small segment, and a client sends the
/// next only after the reply to the last, so each direction has at most one outstanding.
class Flow : public Actor {
 public:
  class Owner {
   public:
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    virtual ~Owner() = default;
    virtual void on_established(Flow& flow, Duration rtt) = 0;
    virtual void on_three_syns(Flow& flow) = 0;
    virtual void on_message(Flow& flow) = 0;  ///< the server's reply
    /// FIN, RST or the kernel's time-out; an RST before it was established is a refusal.
    virtual void on_end(Flow& flow, core::Ending::How how, bool was_established) = 0;
  };

  Flow(World& world, Path& path, Server& server, Owner& owner, Duration user_timeout);

  void open();
  void close();
  void send();
  /// A middlebox forgets the flow: both directions are silently dropped from now on.
  void forget() { forgotten_ = true; }

  [[nodiscard]] bool established() const { return state_ == State::Established; }
  [[nodiscard]] bool is_open() const { return state_ != State::Closed; }
  [[nodiscard]] core::TcpSample sample() const;
  /// As another process sees it, by inet_diag.
  [[nodiscard]] core::AppSocketSample seen_by_others() const;

  void on_event(const Event& event) override;

 private:
  friend class Server;
  enum class State : std::uint8_t { Closed, Connecting, Established };
  enum Kind : std::uint32_t {
    ToServer,
    ToClient,
    Retransmit,
    DelayedAck,
    SynTimer,
    ThreeSyns,
    IdleAtServer
  };
  enum class Packet : std::uint8_t { Syn, SynAck, Data, Ack, Fin, Rst };
  enum Side : std::uint32_t { Client, Peer };

  /// One direction: what a side sent and received.
  struct Half {
    std::uint32_t sent = 0;      ///< messages
    std::uint32_t received = 0;  ///< of the other side
    bool outstanding = false;    ///< the last one sent is unacknowledged
    MonoTime first_sent{};
    std::uint32_t retries = 0;  ///< of the outstanding one
    std::uint32_t timer = 0;    ///< the retransmission timer that counts
    bool ack_owed = false;      ///< a delayed ACK is pending
    std::uint32_t ack_timer = 0;
  };

  Half& half(std::uint32_t side) { return halves_[side]; }
  void transmit(std::uint32_t from, Packet packet);
  void send_from(std::uint32_t side);
  void arm(std::uint32_t side);
  void at(Duration in, Kind kind, std::uint32_t a = 0, std::uint32_t b = 0);
  void arrive_at_server(Packet packet, std::uint32_t seq, std::uint32_t ack);
  void arrive_at_client(Packet packet, std::uint32_t seq, std::uint32_t ack);
  bool take(std::uint32_t side, Packet packet, std::uint32_t seq, std::uint32_t ack);
  [[nodiscard]] Duration rto() const;  ///< without back-off
  void retransmit(std::uint32_t side, std::uint32_t timer);
  void end(core::Ending::How how);
  void server_answers();
  void server_hears();

  World& world_;
  Path& path_;
  Server& server_;
  Owner& owner_;
  Duration user_timeout_;

  std::uint32_t generation_ = 0;
  State state_ = State::Closed;
  bool at_server_ = false;   ///< the server's kernel knows the connection
  bool unanswered_ = false;  ///< the stopped process has a message to answer
  bool forgotten_ = false;
  std::uint32_t syns_ = 0;
  MonoTime opened_{};
  MonoTime last_packet_{};
  MonoTime heard_at_server_{};
  std::array<Half, 2> halves_;
  std::uint32_t total_retrans_ = 0;
  std::uint32_t segments_out_ = 0;
  static constexpr std::uint32_t kMessage = 14;  ///< bytes of a PING
  std::uint64_t bytes_acked_ = 0;
  MonoTime data_sent_{}, data_received_{}, ack_received_{};  ///< by the client
  MonoTime repeats_at_{};                                    ///< the client's timer
};

}  // namespace relinkd::sim
