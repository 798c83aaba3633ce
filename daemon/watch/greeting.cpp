// SPDX-License-Identifier: Apache-2.0
#include "watch/greeting.hpp"

#include "resp/command.hpp"
#include "watch/secrets.hpp"

namespace relinkd::watch {

core::ReplyKind core_reply_kind(resp::ErrorKind kind) {
  switch (kind) {
    case resp::ErrorKind::NoAuth:
    case resp::ErrorKind::WrongPass: return core::ReplyKind::NoAuth;
    case resp::ErrorKind::NoPerm: return core::ReplyKind::NoPerm;
    case resp::ErrorKind::Loading: return core::ReplyKind::Loading;
    case resp::ErrorKind::Busy: return core::ReplyKind::Busy;
    case resp::ErrorKind::MasterDown: return core::ReplyKind::MasterDown;
    case resp::ErrorKind::MaxClients: return core::ReplyKind::MaxClients;
    case resp::ErrorKind::ReadOnly:
    case resp::ErrorKind::Unknown:
    case resp::ErrorKind::Other: break;
  }
  return core::ReplyKind::OtherError;
}

std::string command_of(Ask ask) {
  switch (ask) {
    case Ask::SetName: return resp::format_command({"CLIENT", "SETNAME", "relinkd"});
    case Ask::Role: return resp::format_command({"ROLE"});
    case Ask::InfoServer: return resp::format_command({"INFO", "server"});
    case Ask::InfoReplication: return resp::format_command({"INFO", "replication"});
    case Ask::InfoStats: return resp::format_command({"INFO", "stats"});
    case Ask::InfoCommandstats: return resp::format_command({"INFO", "commandstats"});
    case Ask::ConfigTimeout: return resp::format_command({"CONFIG", "GET", "timeout"});
    case Ask::SentinelMyId: return resp::format_command({"SENTINEL", "MYID"});
    case Ask::ClusterInfo: return resp::format_command({"CLUSTER", "INFO"});
    case Ask::ClusterNodes: return resp::format_command({"CLUSTER", "NODES"});
    case Ask::ClusterShards: return resp::format_command({"CLUSTER", "SHARDS"});
    case Ask::ClusterSlots: return resp::format_command({"CLUSTER", "SLOTS"});
    case Ask::SentinelMaster:
    case Ask::SentinelSentinels:
    case Ask::Auth:
    case Ask::Push:
    case Ask::Ping: break;
  }
  static const std::string ping = resp::format_command({"PING"});
  return ping;
}

Question ask_sentinel(Ask ask, std::string_view name) {
  const std::string_view what = ask == Ask::SentinelMaster ? "MASTER" : "SENTINELS";
  return {ask, resp::format_command({"SENTINEL", what, name})};
}

void ask(Connection& connection, const std::vector<Question>& questions, const Refused& refused) {
  std::string commands;
  for (const Question& q : questions) {
    if (refused.contains(q.ask)) continue;
    connection.expect(q.ask);
    commands += q.command;
  }
  if (!commands.empty()) connection.send(std::move(commands));
}

void ask(Connection& connection, std::initializer_list<Ask> asks, const Refused& refused) {
  std::string commands;
  for (const Ask a : asks) {
    if (refused.contains(a)) continue;
    connection.expect(a);
    commands += command_of(a);
  }
  connection.send(std::move(commands));
}

Result<void> authenticate(Connection& connection, const config::Endpoint& settings) {
  if (!settings.password) return {};
  const auto secret = read_secret(*settings.password);
  if (!secret) return secret.error();
  connection.expect(Ask::Auth);
  connection.send(settings.url.user.empty()
                      ? resp::format_command({"AUTH", secret->reveal()})
                      : resp::format_command({"AUTH", settings.url.user, secret->reveal()}));
  return {};
}

}  // namespace relinkd::watch
