// SPDX-License-Identifier: Apache-2.0
#include "watch/witness.hpp"

#include <utility>

#include "watch/greeting.hpp"

namespace relinkd::watch {

Witness::Witness(loop::Loop& loop, net::DialTarget target, bool full,
                 const config::Endpoint& settings, Report report)
    : loop_(loop),
      full_(full),
      settings_(settings),
      report_(std::move(report)),
      opened_(loop::Loop::clock()) {
  // A SYN-ACK is proof enough of a living path, and costs the server nothing.
  if (!full_) target.tls = nullptr;
  dial_ = std::make_unique<net::Dial>(loop, std::move(target), *this);
}

Witness::~Witness() = default;

void Witness::cancel() {
  report_ = nullptr;
  if (dial_) dial_->cancel();
  if (connection_) connection_->close(true);
}

void Witness::report(core::WitnessResult result, std::string detail) {
  // One result, and the owner may part with this from within the call.
  const Report tell = std::exchange(report_, nullptr);
  if (!tell) return;
  tell({result, loop::Loop::clock() - opened_, std::move(detail)});
}

void Witness::on_dialed(net::Dial::Success success) {
  loop_.retire(std::move(dial_));
  if (!full_) {
    success.stream.close(true);
    opened_ = loop::Loop::clock() - success.rtt;
    return report(core::WitnessResult::Connected);
  }
  connection_ = std::make_unique<Connection>(loop_, std::move(success.stream),
                                             std::move(success.address), *this);
  // Without the secret the PING is answered by an error, which proves as much.
  (void)authenticate(*connection_, settings_);
  ask(*connection_, {Ask::Ping}, Refused{});
}

void Witness::on_dial_failed(core::DialFailure failure) {
  loop_.retire(std::move(dial_));
  using core::ConnectResult;
  switch (failure.result) {
    case ConnectResult::Refused: return report(core::WitnessResult::Refused, failure.detail);
    case ConnectResult::Unreachable:
      return report(core::WitnessResult::Unreachable, failure.detail);
    case ConnectResult::LocalFault: return report(core::WitnessResult::LocalFault, failure.detail);
    case ConnectResult::Timeout: return;  // silence is not a result
    default: return report(core::WitnessResult::Failed, failure.detail);
  }
}

void Witness::on_reply(Connection& connection, Ask, resp::Reply) {
  connection.close(false);
  loop_.retire(std::move(connection_));
  report(core::WitnessResult::Answered);
}

void Witness::on_ended(Connection&, core::Ending ending) {
  loop_.retire(std::move(connection_));
  report(core::WitnessResult::Failed, ending.detail);
}

}  // namespace relinkd::watch
