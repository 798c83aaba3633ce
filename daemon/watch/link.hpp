// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/attribution.hpp"
#include "core/counter_history.hpp"
#include "core/failover.hpp"
#include "core/link_machine.hpp"
#include "kernel/route.hpp"
#include "loop/loop.hpp"
#include "net/dial.hpp"
#include "resp/facts.hpp"
#include "watch/connection.hpp"
#include "watch/greeting.hpp"
#include "watch/tls_check.hpp"
#include "watch/witness.hpp"

namespace relinkd::watch {

/// The watch connection to a node: carries out what core::LinkMachine orders, and tells it what
/// happens. All I/O of it runs on the loop.
class Link : public net::Dial::Listener, public Connection::Listener {
 public:
  /// What a link tells its endpoint. No call comes from within a call to the link, but for
  /// start() and what the calls below lead to; the link outlives each call.
  class Owner {
   public:
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    virtual ~Owner() = default;
    /// The link wants a connection: answer by dial() or dial_failed(), now or later.
    virtual void on_dial_wanted() = 0;
    virtual void on_transition(const core::Transition& transition) = 0;
    /// An established connection ended, with its cause; for a FIN or RST only once the next result
    /// explains it.
    virtual void on_disconnected(const Address& address, const core::Attribution& why) = 0;
    /// `outage`: since the last connection was lost, with Ok and if there was one.
    virtual void on_connect_result(core::ConnectResult result, std::optional<Duration> outage) = 0;
    virtual void on_rtt(Duration rtt) = 0;
    /// A PING sent at `sent` was answered.
    virtual void on_proof(MonoTime sent) = 0;
    /// The condition is up to date with an answer: to a PING, or about role and identity.
    virtual void on_evidence() = 0;
    /// What to ask besides, with the PING that is about to be sent. `topology`: the role is asked
    /// for, too; `greeting`: it is the first on a connection.
    virtual std::vector<Question> questions(bool greeting, bool topology) = 0;
    /// The answer to such a question, errors included.
    virtual void on_topology(Ask ask, const resp::Reply& reply) = 0;
    /// An answer that relinkd can do without cannot be understood.
    virtual void on_malformed(const std::string& why) = 0;
    /// The address in use before failed in this way, and another one of the name was taken.
    virtual void on_passed_over(const Address& address, core::Condition condition) = 0;
    /// Something of the node's host was heard: a reply, a SYN-ACK, an RST.
    virtual void on_answered() = 0;
    /// The watch connection ended; on_disconnected() follows when the cause is known.
    virtual void on_disturbed() = 0;
    /// The server reports that clients were killed since the last look.
    virtual void on_clients_killed() = 0;
    /// run_id changed at the same address. `outage`: last proof of the old process to the first of
    /// the new one.
    virtual void on_restarted(Duration outage, const core::Replacement& what) = 0;
    virtual void on_certificate(WallTime expiry) = 0;
  };

  /// A Sentinel is watched as a server is, but not asked for what only servers know.
  enum class Kind : std::uint8_t { Server, Sentinel };

  Link(loop::Loop& loop, kernel::RouteProbe& routes, const config::Endpoint& settings, Owner& owner,
       Entropy entropy, Kind kind);
  ~Link() override;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void start();
  /// Ends everything in order; the owner retires the link afterwards.
  void stop();

  void dial(net::DialTarget target, bool name_failing);
  void dial_failed(core::DialFailure failure);
  void move(std::string reason);
  /// Why the connection that ended last did, if that is still open.
  void explained_by(const core::Attribution& why);
  /// Probes now, with all facts that explain what happens to connections.
  void probe_now();
  /// Probes now, with the questions that the owner has.
  void ask_now();
  /// Asks the server what its counters are now, and for its setting `timeout`, as soon as it can
  /// answer; or tells how the next attempt to connect failed. `then` is called once at most, never
  /// from within this call.
  void inquire(std::function<void(const core::Inquired&)> then);
  /// New settings that leave the connection as it is.
  void update(const config::Endpoint& settings);

  [[nodiscard]] const core::LinkMachine& machine() const { return machine_; }
  /// Where it is connected, or was or tried last.
  [[nodiscard]] const std::optional<Address>& address() const { return address_; }
  [[nodiscard]] bool connected() const { return connection_ != nullptr; }
  [[nodiscard]] MonoTime connected_since() const { return connection_->established(); }
  [[nodiscard]] const resp::InfoFacts& facts() const { return facts_; }
  [[nodiscard]] const std::optional<resp::RoleFact>& role() const { return role_; }
  [[nodiscard]] const core::ServerIdentity& identity() const { return identity_; }
  /// The server's setting `timeout` when inquire() asked last; 0: none. Nothing: not asked, or
  /// refused.
  [[nodiscard]] std::optional<Duration> server_timeout() const { return server_timeout_; }
  /// The node answered its last PING, and says that it is a primary; its identity is up to date.
  [[nodiscard]] bool is_proven_primary() const;
  /// Whether the server refused this question for good.
  [[nodiscard]] bool refuses(Ask ask) const { return refused_.contains(ask); }

 private:
  void on_dialed(net::Dial::Success success) override;
  void on_dial_failed(core::DialFailure failure) override;
  void on_dial_unanswered(const Address& address) override;
  void on_reply(Connection& connection, Ask ask, resp::Reply reply) override;
  void on_ended(Connection& connection, core::Ending ending) override;

  void on_deadline();
  void feed(const core::LinkEvent& event);
  void carry_out(const core::LinkOrders& orders);
  void hang_up(const core::LinkOrders::Hangup& hangup);
  void send_probe(const core::LinkOrders::Probe& probe);
  void open_witness(bool full);
  void close_witness();
  void ask_server(const core::LinkOrders::Probe& probe, MonoTime now);
  void take_error(Ask ask, resp::ErrorKind kind, const resp::Reply& reply);
  void identity_is_known();
  void take_ping(const resp::Reply& reply);
  void take_role(const resp::RoleFact& role);
  void take_info(const resp::Reply& reply);
  void first_answer();
  /// Whether the ending looks like that of a plain connection to a TLS port, and is worth a check.
  bool check_for_tls(const core::Ending& ending);
  void end(core::Ending ending);
  void explain(const core::Afterwards& after);
  void answer_inquiries(const core::Afterwards& after, bool all);

  struct Inquiry {
    MonoTime at{};
    bool asked = false;  ///< by the PING under way
    std::function<void(const core::Inquired&)> then;
  };

  loop::Loop& loop_;
  kernel::RouteProbe& routes_;
  config::Endpoint settings_;
  Owner& owner_;
  Kind kind_;
  bool stopped_ = false;
  core::LinkMachine machine_;
  loop::Deadline deadline_;

  std::unique_ptr<net::Dial> dial_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Witness> witness_;
  std::unique_ptr<TlsCheck> tls_check_;
  MonoTime next_tls_check_{};
  bool port_speaks_tls_ = false;
  net::DialTarget target_;  ///< of the present or last connection, for witnesses
  bool name_failing_ = false;
  std::optional<Address> address_;

  Refused refused_;
  bool answered_ = false;  ///< the server answered a PING on this connection
  bool max_clients_ = false;
  std::string last_error_;         ///< the last error reply on this connection, printable
  resp::InfoFacts facts_;          ///< of the present connection, else of the last
  core::ServerIdentity identity_;  ///< from these facts
  resp::InfoFacts earlier_;        ///< of the connection before
  std::optional<Address> earlier_address_;
  std::optional<MonoTime> earlier_proof_;
  std::optional<resp::RoleFact> role_;
  bool identity_is_old_ = false;  ///< the node was promoted since INFO replication was answered
  MonoTime next_facts_{};
  MonoTime ping_sent_{};
  std::optional<MonoTime> lost_at_;
  core::CounterHistory counters_;
  std::vector<Inquiry> inquiries_;
  bool inquired_ = false;  ///< ever: then the counters are read more often
  std::optional<Duration> server_timeout_;
  std::optional<core::ConnectResult> last_failure_;  ///< of the last attempt to connect
  MonoTime failed_at_{};
  std::optional<core::EndedConnection> unexplained_;
  Address unexplained_address_;
};

core::LinkLimits link_limits(const config::Endpoint& settings);

}  // namespace relinkd::watch
