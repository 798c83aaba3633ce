// SPDX-License-Identifier: Apache-2.0
#include "core/condition_of.hpp"

namespace relinkd::core {

Condition condition_of(ReplyKind kind) {
  switch (kind) {
    case ReplyKind::NoAuth:
    case ReplyKind::NoPerm: return Condition::AuthFailed;
    case ReplyKind::Loading: return Condition::Loading;
    case ReplyKind::Busy: return Condition::Busy;
    case ReplyKind::MasterDown: return Condition::MasterDown;
    case ReplyKind::Pong:
    case ReplyKind::MaxClients:
    case ReplyKind::OtherError: break;
  }
  return Condition::Ok;
}

Condition condition_of(const DialFailure& f) {
  switch (f.result) {
    case ConnectResult::LocalFault: return Condition::LocalFault;
    case ConnectResult::Dns: return Condition::DnsFailed;
    case ConnectResult::Refused: return f.name_failing ? Condition::DnsFailed : Condition::Refused;
    case ConnectResult::Timeout:
      if (f.tcp_established) return Condition::Stalled;
      return f.name_failing ? Condition::DnsFailed : Condition::Unreachable;
    case ConnectResult::Unreachable:
      return f.name_failing ? Condition::DnsFailed : Condition::Unreachable;
    case ConnectResult::Tls: return Condition::TlsFailed;
    case ConnectResult::Auth: return Condition::AuthFailed;
    case ConnectResult::Protocol: return Condition::NotRedis;
    case ConnectResult::Closed: return Condition::PeerClosed;
    case ConnectResult::Ok: break;
  }
  return Condition::Unknown;
}

Condition condition_of(Ending::How how) {
  switch (how) {
    case Ending::How::Fin: return Condition::PeerClosed;
    case Ending::How::Rst: return Condition::Reset;
    case Ending::How::TimedOut:
    case Ending::How::Unreachable: return Condition::Unreachable;
    case Ending::How::LocalError: return Condition::LocalFault;
    case Ending::How::Tls:
    case Ending::How::NotTls: return Condition::TlsFailed;
    case Ending::How::Protocol: return Condition::NotRedis;
    case Ending::How::Auth: return Condition::AuthFailed;
  }
  return Condition::Unknown;
}

}  // namespace relinkd::core
