// SPDX-License-Identifier: Apache-2.0
#include "watch/idle_link.hpp"

#include <utility>

namespace relinkd::watch {

namespace {

core::IdleLimits idle_limits(const config::Endpoint& settings) {
  core::IdleLimits l;
  l.only_keepalive = settings.watch.idle_watch.mode == config::IdleWatch::Mode::Keepalive;
  l.ages = settings.watch.idle_watch.ages;
  l.command_timeout = settings.watch.command_timeout;
  l.backoff_initial = settings.watch.backoff.initial;
  l.backoff_max = settings.watch.backoff.max;
  return l;
}

}  // namespace

IdleLink::IdleLink(loop::Loop& loop, const config::Endpoint& settings, Owner& owner,
                   Entropy entropy)
    : loop_(loop),
      settings_(settings),
      owner_(owner),
      machine_(idle_limits(settings), entropy),
      deadline_(loop.deadlines(), [this] { on_deadline(); }) {}

IdleLink::~IdleLink() = default;

void IdleLink::start() { feed(core::idle::Start{}); }

void IdleLink::stop() {
  deadline_.clear();
  if (dial_) dial_->cancel();
  if (connection_) connection_->close(false);
}

void IdleLink::node_proven(MonoTime probe_sent, int required_transmissions) {
  feed(core::idle::NodeProven{probe_sent, required_transmissions});
}

void IdleLink::node_disturbed() { feed(core::idle::NodeDisturbed{}); }

void IdleLink::move(const std::string& reason) {
  if (dial_) {
    dial_->cancel();
    loop_.retire(std::move(dial_));
    feed(core::idle::DialFailed{});
  }
  feed(core::idle::Moved{reason});
}

void IdleLink::node_explained(const core::Attribution& why) {
  feed(core::idle::NodeExplained{why.cause, why.evidence});
}

void IdleLink::on_deadline() {
  core::idle::Deadline e;
  if (connection_) {
    connection_->pump();
    if (connection_ && machine_.wants_sample()) e.sample = connection_->sample();
  }
  feed(e);
}

void IdleLink::drop_connection(bool abort) {
  if (!connection_) return;
  connection_->close(abort);
  loop_.retire(std::move(connection_));
}

void IdleLink::feed(const core::IdleEvent& event) {
  const core::IdleOrders orders = machine_.on(event, loop_.now());
  if (orders.hangup) {
    drop_connection(orders.hangup->cause != core::Cause::Moved);
    owner_.on_idle_disconnected(address_, {orders.hangup->cause, orders.hangup->evidence});
  }
  if (orders.ended) {
    owner_.on_idle_disconnected(address_, {orders.ended->cause, orders.ended->evidence});
  }
  if (orders.found) owner_.on_idle_cut(orders.found);
  if (orders.cleared) owner_.on_idle_cut(std::nullopt);
  deadline_.set(orders.deadline);
  if (orders.probe && connection_) {
    ask(*connection_, {Ask::Ping}, Refused{});
    machine_.probe_sent(connection_->sample());
  }
  if (orders.ask_node) owner_.on_ask_node();
  if (orders.dial) {
    auto target = owner_.idle_target();
    if (!target) return feed(core::idle::DialFailed{});
    // Bare, as an application's pooled connection is by default; or with nothing but keepalive.
    if (settings_.watch.idle_watch.mode == config::IdleWatch::Mode::Ages) target->keepalive.reset();
    dial_ = std::make_unique<net::Dial>(loop_, std::move(*target), *this);
  }
}

void IdleLink::on_dialed(net::Dial::Success success) {
  loop_.retire(std::move(dial_));
  address_ = success.address;
  greeted_ = false;
  connection_ = std::make_unique<Connection>(loop_, std::move(success.stream),
                                             std::move(success.address), *this);
  // What is wrong with the password the watch connection says; this one just tries again.
  if (!authenticate(*connection_, settings_)) {
    drop_connection(false);
    return feed(core::idle::DialFailed{});
  }
  ask(*connection_, {Ask::SetName, Ask::Ping}, Refused{});
}

void IdleLink::on_dial_failed(core::DialFailure) {
  loop_.retire(std::move(dial_));
  feed(core::idle::DialFailed{});
}

void IdleLink::on_reply(Connection&, Ask ask, resp::Reply) {
  if (ask != Ask::Ping) return;
  if (std::exchange(greeted_, true)) {
    feed(core::idle::Replied{});
  } else {
    feed(core::idle::Ready{});
  }
}

void IdleLink::on_ended(Connection&, core::Ending ending) {
  loop_.retire(std::move(connection_));
  feed(core::idle::Ended{std::move(ending)});
}

}  // namespace relinkd::watch
