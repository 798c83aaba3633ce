// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "core/cause.hpp"
#include "core/relink_planner.hpp"
#include "journal/catalog.hpp"

namespace relinkd::journal {

/// Of each core::Cause, in their order.
inline constexpr std::array<LabelText, core::kCauseNames.size()> kCauseTexts{{
    {// half_open
     .subject = "relinkd gave a connection up: the flow was dead, the node was not",
     .means = R"(Three transmissions in a row were acknowledged by nobody, while a new connection
to the same node was answered.)",
     .action = R"(Look for what forgets flows on the way (NAT, firewall, load balancer), and turn
on TCP keepalive in the clients: theirs die in the same way.)"},
    {// user_timeout
     .subject = "the kernel gave a connection up at its TCP_USER_TIMEOUT",
     .means = R"(Data stayed unacknowledged for as long as the socket allows (RFC 5482). The
kernel was faster than relinkd's own verdict.)",
     .action = "See the condition at that time: the node or the path was gone."},
    {// retransmission_timeout
     .subject = "the kernel gave a connection up after its last retransmission",
     .means = R"(Data stayed unacknowledged through all that net.ipv4.tcp_retries2 allows: about
13 s with 5, more than 15 minutes with 15.)",
     .action = "Look at the path, and at `relinkctl sysctl check`."},
    {// keepalive_timeout
     .subject = "the kernel gave a connection up: keepalive probes were unanswered",
     .means = "The connection was idle, and nobody answered the probes any more.",
     .action = R"(A single one: nothing. Many at the same age: something on the way forgets idle
flows; keepalive has to be shorter than that age.)"},
    {// idle_timeout
     .subject = "a connection was closed or forgotten because it was idle",
     .means = R"(A FIN came at the age that is the server's `timeout`, or the connection was cut
at an age at which idle connections are known to be cut on this path.)",
     .action = R"(Have pools retire connections before that age, or use TCP keepalive. The age is
in relinkd_idle_cut_seconds and in `relinkctl status`.)"},
    {// killed
     .subject = "somebody ended a connection by CLIENT KILL",
     .means = "It was closed, and the server's count of CLIENT KILL calls rose meanwhile.",
     .action = "Ask who administers the server; Sentinel does it at a failover."},
    {// shutdown
     .subject = "the server process ended",
     .means = R"(The connection was closed, and new ones are refused or lead to a process with
another run_id.)",
     .action = "If it was not planned, read the server's log."},
    {// max_clients
     .subject = "the server has as many clients as it allows",
     .means = "It answered that the maximum is reached, and closed the connection.",
     .action = R"(Raise `maxclients`, or find who opens so many: `redis-cli CLIENT LIST`.)"},
    {// output_buffer_limit
     .subject = "the server dropped a client that did not read fast enough",
     .means = R"(The connection was closed, and the server's count of clients that exceeded their
output buffer rose meanwhile.)",
     .action = "Look at client-output-buffer-limit and at who reads slowly."},
    {// failover
     .subject = "a connection ended because the node lost or gained its role",
     .means = "The node was demoted or promoted, and closed its clients.",
     .action = "Nothing: relinkd follows. See `relinkctl status` for the last failover."},
    {// maintenance
     .subject = "a connection ended in maintenance that was announced",
     .means = "The service had said so before.",
     .action = "Nothing, if clients reconnect."},
    {// peer_closed
     .subject = "the peer closed a connection in order, and why is not known",
     .means = "A FIN came, and nothing that the server says afterwards explains it.",
     .action = R"(A single one: nothing. If it keeps coming back, look at proxies and load
balancers in between, and at the server's log.)"},
    {// reset
     .subject = "the peer reset a connection, and why is not known",
     .means = "An RST came, and nothing that the server says afterwards explains it.",
     .action = R"(A single one: nothing. A firewall that rejects, a proxy that restarts, or a host
that rebooted are the usual senders.)"},
    {// refused
     .subject = "a connection was refused",
     .means = "An RST answered the SYN: the host is up, and no process listens there.",
     .action = "Start the server, or correct address and port."},
    {// connect_timeout
     .subject = "an attempt to connect was not answered in time",
     .means = R"(SYN or handshake stayed unanswered for connect_timeout; of an app's, until the
app or the kernel gave up.)",
     .action = "Look at the path and at firewalls that drop."},
    {// tls
     .subject = "a connection ended in its TLS layer",
     .means = "Handshake, verification or a record failed; the message has OpenSSL's reason.",
     .action = "`relinkctl check URL` tries it once more and shows the reason."},
    {// auth
     .subject = "the server refused relinkd's credentials",
     .means = "It answered NOAUTH, WRONGPASS or NOPERM to what relinkd cannot do without.",
     .action = "Correct user, password or ACL. Clients have credentials of their own."},
    {// protocol
     .subject = "what came was not RESP",
     .means = "The peer speaks another protocol, or a proxy answered in the server's place.",
     .action = "Correct address and port, and whether TLS is spoken there."},
    {// moved
     .subject = "relinkd left a connection because the endpoint has moved",
     .means = "Name, Sentinels or cluster lead to another node now.",
     .action = "Nothing."},
    {// destroyed
     .subject = "a connection of an app was ended to make the app reconnect",
     .means = R"(relinkd-actuator did it, at relinkd's order; or somebody on this host, with
`ss -K` or a tool like it. `relinkctl closes` says which.)",
     .action = "Nothing for relinkd's: `relinkctl incidents` has the reason."},
    {// unreachable
     .subject = "a connection was given up: nothing gets through to the node",
     .means = R"(ICMP said so, or neither what was sent on it nor a new connection was answered.)",
     .action = "Look at host, route and firewall."},
    {// local_close
     .subject = "this host closed a connection in order",
     .means = "For relinkd's own: a new configuration, or its end. Of an app's: the app did it.",
     .action = "Nothing."},
    {// local_abort
     .subject = "this host aborted a connection",
     .means = R"(A process closed it with data unread or with a linger time of 0, or was killed
by a signal.)",
     .action = "Nothing for relinkd's own; of an app's, see its log and `coredumpctl`."},
    {// local_fault
     .subject = "a connection failed by this host's own fault",
     .means = "No descriptor, port, link or route was left; the message says which.",
     .action = "`relinkctl explain local_fault` says more under conditions."},
}};

/// Of each core::RelinkResult, in their order.
inline constexpr std::array<LabelText, core::kRelinkResultNames.size()> kRelinkResultTexts{{
    {// recovered
     .subject = "the app has verifiably reconnected",
     .means = R"(Within verify_within of the action, no connection of it was dead or led to a
former primary any more; with expect_connections, a living one was there.)",
     .action = "Nothing."},
    {// not_recovered
     .subject = "the action was carried out, and the app has not reconnected",
     .means = R"(After verify_within there were still dead connections or such to a former
primary, or, with expect_connections, no living one. The next action follows.)",
     .action = R"(If it was the last one, see the app's log, and add an action that the app
answers: reload, a signal, restart.)"},
    {// failed
     .subject = "the action could not be carried out",
     .means = "The actuator refused it or failed at it; the message says why.",
     .action = R"(`journalctl -u relinkd-actuator`. The usual reasons: the unit has no reload, no
process catches the signal, or the app is not as configured.)"},
    {// would
     .subject = "the action was decided and not carried out: mode \"observe\"",
     .means = "Everything is decided as in mode \"act\", and nothing is done.",
     .action = R"(Read whether it would have been right; then set mode = "act", for all or for
this app.)"},
    {// no_actuator
     .subject = "the action could not be ordered: relinkd-actuator cannot be reached",
     .means = "relinkd itself has no privileges, so nothing was done.",
     .action = R"(`systemctl status relinkd-actuator.socket`, and `relinkctl apps`, whose first
lines say what the actuator can do.)"},
}};

/// Of each core::RelinkHold, in their order.
inline constexpr std::array<LabelText, core::kRelinkHoldNames.size()> kRelinkHoldTexts{{
    {// starting
     .subject = "nothing is done yet: relinkd has just started",
     .means = "It has not looked at all connections, or the endpoint has not proven itself.",
     .action = "Nothing. If it stays so, see the endpoint's condition."},
    {// paused
     .subject = "nothing is done: somebody has paused relinkd",
     .means = "`relinkctl pause` stops all actions for all apps.",
     .action = "`relinkctl resume`, once the reason is gone."},
    {// breaker
     .subject = "nothing is done for the app: its breaker is open",
     .means = R"(It was made to reconnect more often than max_relinks_per_hour, or what replaced
its dead connections died within a minute, too.)",
     .action = R"(Find out why it does not help (`relinkctl incidents`); then
`relinkctl reset APP`.)"},
    {// unhealthy
     .subject = "nothing is done: the endpoint is not well",
     .means = R"(The node that the app would reconnect to does not answer now, or does not say
that it is the primary. A new connection would be worse than the old one.)",
     .action = "See `relinkctl status`. It is done as soon as the endpoint is well."},
    {// unconfirmed
     .subject = "nothing is done: no majority of the Sentinels stands behind the primary",
     .means = "One Sentinel that is cut off with its old primary must not be believed.",
     .action = "See `relinkctl status` for what the Sentinels say."},
    {// min_interval
     .subject = "nothing is done yet: the app was made to reconnect only now",
     .means = "What disturbs living connections is min_interval apart.",
     .action = "Nothing; `relinkctl relink APP` does not wait."},
    {// max_parallel
     .subject = "nothing is done yet: other apps are reconnecting to the endpoint",
     .means = "As many as max_parallel allows.",
     .action = "Nothing; it is its turn after them."},
    {// rate
     .subject = "nothing is done yet: connections are ended at reconnect_rate at most",
     .means = "So that the server is not hit by all reconnects at once.",
     .action = "Nothing. The rest follow within seconds."},
}};

}  // namespace relinkd::journal
