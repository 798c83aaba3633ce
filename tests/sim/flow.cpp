// SPDX-License-Identifier: Apache-2.0
#include "flow.hpp"

#include <algorithm>
#include <utility>

namespace relinkd::sim {

namespace {

constexpr Duration kRtoMin = 200ms;     // TCP_RTO_MIN
constexpr Duration kTick = 4ms;         // timers of HZ=250 fire on the next tick
constexpr Duration kDelayedAck = 40ms;  // TCP_DELACK_MIN
/// tcp_syn_linear_timeouts (Linux 6.5): so many SYNs a second apart, then exponentially.
constexpr std::uint32_t kLinearSyns = 4;

std::uint32_t pack(std::uint32_t number, std::uint8_t packet) { return number << 4U | packet; }

}  // namespace

void Server::resume() {
  state_ = State::Runs;
  for (Flow* f : flows_) {
    if (f->at_server_ && f->unanswered_) f->server_answers();
  }
}

void Server::kill() {
  state_ = State::Gone;
  for (Flow* f : flows_) {
    if (!f->at_server_) continue;
    // A process that had read everything ends with FINs; unread bytes make an RST of it.
    f->transmit(Flow::Peer, f->unanswered_ ? Flow::Packet::Rst : Flow::Packet::Fin);
    f->at_server_ = false;
    f->unanswered_ = false;
  }
}

Flow::Flow(World& world, Path& path, Server& server, Owner& owner, Duration user_timeout)
    : world_(world), path_(path), server_(server), owner_(owner), user_timeout_(user_timeout) {
  server.attach(*this);
}

void Flow::at(Duration in, Kind kind, std::uint32_t a, std::uint32_t b) {
  Event e;
  e.at = world_.now() + in;
  e.actor = this;
  e.generation = generation_;
  e.kind = kind;
  e.a = a;
  e.b = b;
  world_.schedule(e);
}

void Flow::open() {
  close();
  state_ = State::Connecting;
  opened_ = world_.now();
  syns_ = 0;
  halves_ = {};
  total_retrans_ = segments_out_ = 0;
  forgotten_ = false;
  at(Duration::zero(), SynTimer);
}

void Flow::close() {
  ++generation_;
  state_ = State::Closed;
  at_server_ = false;
  unanswered_ = false;
}

core::TcpSample Flow::sample() const {
  core::TcpSample s;
  s.unacked_bytes = halves_[Client].outstanding ? 14 : 0;  // "*1\r\n$4\r\nPING\r\n"
  s.total_retrans = total_retrans_;
  s.data_segs_out = segments_out_;
  s.rtt = 2 * path_.delay;
  return s;
}

core::AppSocketSample Flow::seen_by_others() const {
  const Half& h = halves_[Client];
  const MonoTime now = world_.now();
  core::AppSocketSample s;
  s.tcp_state = established() ? 1 : 2;
  s.unacked_segments = h.outstanding ? 1 : 0;
  s.bytes_acked = bytes_acked_;
  s.write_queue = h.outstanding ? kMessage : 0;
  s.total_retrans = total_retrans_;
  // The first repetition is the tail-loss probe.
  const std::uint32_t timeouts = h.outstanding && h.retries > 1 ? h.retries - 1 : 0;
  s.retransmits = static_cast<std::uint8_t>(timeouts);
  const auto ago = [&](MonoTime t) {
    return std::chrono::floor<std::chrono::milliseconds>(now - t);
  };
  s.since_data_sent = ago(data_sent_);
  s.since_data_received = ago(data_received_);
  s.since_ack_received = ago(ack_received_);
  s.rto = rto() * (1 << std::min(timeouts, 9U));
  s.rtt = 2 * path_.delay;
  if (h.outstanding) {
    s.timer = core::AppSocketSample::Timer::Retransmit;
    s.timer_left = repeats_at_ - now;
  }
  return s;
}

Duration Flow::rto() const { return kRtoMin + 2 * path_.delay; }

void Flow::transmit(std::uint32_t from, Packet packet) {
  const Half& h = half(from);
  if (packet == Packet::Data || packet == Packet::Ack) half(from).ack_owed = false;
  const MonoTime silent_since = std::exchange(last_packet_, world_.now());
  if (path_.forgets_after > Duration::zero() && packet != Packet::Syn &&
      world_.now() - silent_since > path_.forgets_after) {
    forgotten_ = true;
  }
  if (from == Client && packet == Packet::Data) data_sent_ = world_.now();
  const bool lost = path_.cut || forgotten_ || (from == Peer && path_.replies_cut) ||
                    (path_.loss > 0 && world_.chance() < path_.loss);
  if (lost) return;
  at(path_.delay, from == Client ? ToServer : ToClient,
     pack(h.sent, static_cast<std::uint8_t>(packet)), h.received);
}

void Flow::send() { send_from(Client); }

void Flow::send_from(std::uint32_t side) {
  Half& h = half(side);
  ++h.sent;
  h.outstanding = true;
  h.first_sent = world_.now();
  h.retries = 0;
  if (side == Client) ++segments_out_;
  transmit(side, Packet::Data);
  arm(side);
}

void Flow::arm(std::uint32_t side) {
  Half& h = half(side);
  // The tail-loss probe comes after one RTO (it would take longer by itself: 2 SRTT + 200 ms),
  // the first retransmission one RTO later; from then on the time doubles.
  Duration in = rto() * (h.retries < 2 ? 1 : 1 << std::min(h.retries - 1, 9U));
  if (side == Client) in = std::min(in, h.first_sent + user_timeout_ - world_.now());
  in += world_.random(kTick);
  if (side == Client) repeats_at_ = world_.now() + in;
  at(in, Retransmit, side, ++h.timer);
}

void Flow::retransmit(std::uint32_t side, std::uint32_t timer) {
  Half& h = half(side);
  if (!h.outstanding || timer != h.timer) return;
  if (side == Client) {
    if (world_.now() - h.first_sent >= user_timeout_) return end(core::Ending::How::TimedOut);
    ++total_retrans_;
    ++segments_out_;
  }
  ++h.retries;
  transmit(side, Packet::Data);
  arm(side);
}

void Flow::end(core::Ending::How how) {
  const bool was_established = established();
  close();
  owner_.on_end(*this, how, was_established);
}

void Flow::on_event(const Event& e) {
  if (e.generation != generation_) return;
  switch (static_cast<Kind>(e.kind)) {
    case ToServer: return arrive_at_server(static_cast<Packet>(e.a & 15U), e.a >> 4U, e.b);
    case ToClient: return arrive_at_client(static_cast<Packet>(e.a & 15U), e.a >> 4U, e.b);
    case Retransmit: return retransmit(e.a, e.b);
    case DelayedAck:
      if (half(e.a).ack_owed && half(e.a).ack_timer == e.b) transmit(e.a, Packet::Ack);
      return;
    case SynTimer:
      if (state_ != State::Connecting) return;
      ++syns_;
      transmit(Client, Packet::Syn);
      at(1s * (syns_ <= kLinearSyns ? 1 : 1 << (syns_ - kLinearSyns)), SynTimer);
      // The dial looks four times a second.
      if (syns_ == 3) at(world_.random(250ms), ThreeSyns);
      return;
    case IdleAtServer:
      if (!at_server_ || world_.now() < heard_at_server_ + server_.timeout()) return;
      transmit(Peer, Packet::Fin);
      at_server_ = false;
      return;
    case ThreeSyns:
      if (state_ == State::Connecting) owner_.on_three_syns(*this);
      return;
  }
}

void Flow::arrive_at_server(Packet packet, std::uint32_t seq, std::uint32_t ack) {
  if (packet == Packet::Syn) {
    if (server_.state() == Server::State::Gone) return transmit(Peer, Packet::Rst);
    at_server_ = true;
    server_hears();
    return transmit(Peer, Packet::SynAck);
  }
  if (!at_server_) return transmit(Peer, Packet::Rst);
  if (!take(Peer, packet, seq, ack)) return;
  server_hears();
  unanswered_ = true;
  if (server_.state() == Server::State::Runs) server_answers();
}

void Flow::server_hears() {
  heard_at_server_ = world_.now();
  if (server_.timeout() > Duration::zero()) at(server_.timeout(), IdleAtServer);
}

void Flow::server_answers() {
  unanswered_ = false;
  send_from(Peer);
}

void Flow::arrive_at_client(Packet packet, std::uint32_t seq, std::uint32_t ack) {
  switch (packet) {
    case Packet::Rst: return end(core::Ending::How::Rst);
    case Packet::Fin: return end(core::Ending::How::Fin);
    case Packet::SynAck:
      if (state_ != State::Connecting) return transmit(Client, Packet::Ack);
      state_ = State::Established;
      data_sent_ = data_received_ = ack_received_ = world_.now();
      transmit(Client, Packet::Ack);
      return owner_.on_established(*this, world_.now() - opened_);
    case Packet::Syn: return;
    case Packet::Data:
    case Packet::Ack: break;
  }
  if (state_ == State::Established && take(Client, packet, seq, ack)) owner_.on_message(*this);
}

/// The kernel's part of a segment's arrival. Whether it brought a new message.
bool Flow::take(std::uint32_t side, Packet packet, std::uint32_t seq, std::uint32_t ack) {
  Half& h = half(side);
  if (h.outstanding && ack >= h.sent) {
    h.outstanding = false;
    if (side == Client) bytes_acked_ += kMessage;
  }
  if (side == Client) {
    ack_received_ = world_.now();
    if (packet == Packet::Data) data_received_ = world_.now();
  }
  if (packet != Packet::Data) return false;
  if (seq <= h.received) {
    transmit(side, Packet::Ack);  // a duplicate is acknowledged at once
    return false;
  }
  h.received = seq;
  h.ack_owed = true;
  at(kDelayedAck, DelayedAck, side, ++h.ack_timer);
  return true;
}

}  // namespace relinkd::sim
