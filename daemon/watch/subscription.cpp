// SPDX-License-Identifier: Apache-2.0
#include "watch/subscription.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "core/backoff.hpp"
#include "resp/command.hpp"
#include "watch/greeting.hpp"

namespace relinkd::watch {

namespace {

constexpr Duration kPing = 1s;
/// A right may be granted later.
constexpr Duration kRefused = 1min;
/// A node without a connection is looked at again so often.
constexpr Duration kNoTarget = 500ms;

}  // namespace

Subscription::Subscription(loop::Loop& loop, const config::Endpoint& settings,
                           std::vector<std::string> channels, Owner& owner, Entropy entropy)
    : loop_(loop),
      settings_(settings),
      channels_(std::move(channels)),
      owner_(owner),
      entropy_(entropy),
      deadline_(loop.deadlines(), [this] { on_deadline(); }) {}

Subscription::~Subscription() = default;

void Subscription::start() { dial(); }

void Subscription::stop() {
  deadline_.clear();
  if (dial_) dial_->cancel();
  if (connection_) connection_->close(false);
}

void Subscription::restart() {
  drop();
  failures_ = 0;
  dial();
}

void Subscription::drop() {
  subscribed_ = false;
  if (dial_) {
    dial_->cancel();
    loop_.retire(std::move(dial_));
  }
  if (connection_) {
    connection_->close(true);
    loop_.retire(std::move(connection_));
  }
}

void Subscription::dial() {
  auto target = owner_.subscription_target(*this);
  if (!target) return deadline_.set(loop_.now().at + kNoTarget);
  deadline_.clear();
  dial_ = std::make_unique<net::Dial>(loop_, std::move(*target), *this);
}

void Subscription::wait() {
  drop();
  const Duration pause = core::full_jitter(settings_.watch.backoff.initial,
                                           settings_.watch.backoff.max, ++failures_, entropy_);
  deadline_.set(loop_.now().at + pause);
}

void Subscription::on_deadline() {
  if (!connection_) return dial();
  connection_->pump();
  if (!connection_) return;
  const Now now = loop_.now();
  // A loop that comes late has not listened.
  const Duration patience = kPing + settings_.watch.command_timeout + now.lag;
  if (now.at - connection_->last_byte() > patience) return wait();
  connection_->send(resp::format_command({"PING"}));
  deadline_.set(now.at + kPing);
}

void Subscription::on_dialed(net::Dial::Success success) {
  loop_.retire(std::move(dial_));
  connection_ = std::make_unique<Connection>(loop_, std::move(success.stream),
                                             std::move(success.address), *this);
  if (const auto sent = authenticate(*connection_, settings_); !sent) {
    complain(sent.error().message);
    return wait();
  }
  connection_->expect_pushes();
  std::vector<std::string_view> words{"SUBSCRIBE"};
  words.insert(words.end(), channels_.begin(), channels_.end());
  connection_->send(resp::format_command(words));
  deadline_.set(loop_.now().at + kPing);
}

void Subscription::on_dial_failed(core::DialFailure) {
  loop_.retire(std::move(dial_));
  wait();
}

void Subscription::on_reply(Connection&, Ask ask, resp::Reply reply) {
  if (ask == Ask::Auth) {
    // The watch connection says what is wrong with the password.
    if (reply.is_error()) wait();
    return;
  }
  const auto push = resp::parse_push(reply);
  if (!push) {
    complain(push.error().message);
    if (subscribed_ || !reply.is_error()) return wait();
    // Who may not subscribe does not ask again and again.
    drop();
    return deadline_.set(loop_.now().at + kRefused);
  }
  failures_ = 0;
  if (!std::exchange(subscribed_, true)) {
    told_.clear();
    owner_.on_subscribed(*this);
  }
  if (*push) owner_.on_message(*this, **push);
}

void Subscription::on_ended(Connection&, core::Ending) {
  loop_.retire(std::move(connection_));
  wait();
}

void Subscription::complain(const std::string& why) {
  if (std::exchange(told_, why) != why) owner_.on_subscription_trouble(*this, why);
}

}  // namespace relinkd::watch
