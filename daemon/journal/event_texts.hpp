// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "journal/catalog.hpp"

namespace relinkd::journal {

/// The texts of all other events, in the order of Event from Started on.
inline constexpr std::array<CatalogText, 15> kEventTexts{{
    {// started
     .subject = "relinkd has started",
     .happened = R"(relinkd runs and has begun to watch the endpoints of its configuration. Until
the first results are there, each endpoint's condition is unknown.)",
     .means = "Nothing. relinkd watches over connections of its own.",
     .action = "Nothing. If nobody started it, see why it ended before.",
     .look = "`relinkctl status`; `systemctl status relinkd`."},
    {// stopped
     .subject = "relinkd has ended",
     .happened = "relinkd was told to end, and closed its connections in order.",
     .means = "Nothing; but from now on nobody watches, and metrics end.",
     .action = R"(Nothing, if it was meant. Alerts on relinkd's own absence (a target that is
down) should exist, since its other alerts fall silent with it.)",
     .look = "`systemctl status relinkd`."},
    {// config_reloaded
     .subject = "a new configuration is in force",
     .happened = R"(relinkd has read its configuration anew, found no error, and works by it. The
message counts what changed. Connections to endpoints whose settings did not
change stay open.)",
     .means = "Nothing.",
     .action = "Nothing.",
     .look = "`relinkctl config show` for each value in force and where it comes from."},
    {// config_refused
     .subject = "the new configuration has errors; the old one stays in force",
     .happened = R"(relinkd was told to read its configuration anew and found errors in it. It goes
on with the configuration that it had. The messages have file, line and column
of each error.)",
     .means = R"(Nothing now. The file on disk would keep relinkd from starting, so the next
restart or reboot would leave the endpoints unwatched.)",
     .action = R"(Correct the file, check it with `relinkctl config check`, then
`systemctl reload relinkd`.)",
     .look = "`relinkctl config check`; relinkd_config_last_reload_successful."},
    {// disconnected
     .subject = "a watch connection ended",
     .happened = R"(One of relinkd's own connections ended. RELINKD_CAUSE names the cause, and the
message its evidence. peer_closed and reset are the honest "why is not known": a
FIN or an RST came, and nothing that the server reported explains it.
idle_timeout: it was closed or forgotten because it was idle. user_timeout,
retransmission_timeout and keepalive_timeout: this host's kernel gave up.
killed, shutdown, max_clients and output_buffer_limit: the server did it, and
its answers or counters say so.)",
     .means = R"(Causes at the server (shutdown, max_clients, killed) or on the path (half_open,
unreachable) often concern connections of applications too; causes of relinkd's
own (auth, moved, local_close) do not.)",
     .action = R"(Nothing for a single one: relinkd connects again by itself. If one cause keeps
coming back, act on that cause: max_clients, for example, means raising
`maxclients` or finding the client that opens so many connections.)",
     .look = R"(relinkd_disconnects_total by cause; `journalctl -u relinkd RELINKD_CAUSE=…`; the
server's log; `redis-cli INFO clients`, `INFO stats`.)"},
    {// server_restarted
     .subject = "the server process is another one than before",
     .happened = R"(At the same address the server now reports another run_id: it was restarted, or
another server has taken its place.)",
     .means = R"(After a restart all connections, subscriptions, transactions and blocked
commands are gone, and so is what had not been saved; clients that reconnect by
themselves go on, subscribers have to subscribe again, and scripts have to be
loaded again (NOSCRIPT). If another server has taken over the address,
connections to the old one may also hang.)",
     .action = R"(Nothing, if it was planned. Else find out why the process ended, and whether
data is missing.)",
     .look = R"(`redis-cli INFO server` (uptime_in_seconds, run_id), `INFO keyspace`; the
server's log; relinkd_failovers_total with kind="restart".)"},
    {// dns_changed
     .subject = "the name leads to other addresses now",
     .happened = R"(The endpoint's name resolves to other addresses than before; the message has
both, and says whether relinkd moves to a new one. Managed services move a name
in this way at failover, maintenance or scaling.)",
     .means = R"(New connections by name go to the new address. Open connections stay where they
are: until it reconnects, an application may talk to a node that is a replica
now, or that is about to be taken away. Some clients look a name up only once.)",
     .action = R"(Nothing, if applications follow. If they report READONLY, timeouts or closed
connections afterwards, make those reconnect.)",
     .look = "`dig NAME`; `ss -tn dst OLD-ADDRESS` on this host; relinkd_dns_changes_total."},
    {// dns_failing
     .subject = "the name does not resolve at present; its last addresses stay watched",
     .happened = R"(The resolver gives no answer, or says that the name does not exist. relinkd goes
on with the addresses that it knew, and asks again.)",
     .means = R"(Open connections do not need the name. Applications that connect by name now may
fail, as far as no cache answers them. If the name is moved meanwhile, neither
they nor relinkd will see it.)",
     .action = R"(Repair name resolution before the next failover needs it: look at
/etc/resolv.conf, the DNS servers, the zone.)",
     .look = "`dig NAME`, `resolvectl status`; `relinkctl status` for the addresses in use."},
    {// idle_cut
     .subject = "idle connections are cut on this path",
     .happened = R"(A second connection of relinkd's, kept silent as one in a pool would be, did not
outlive the idle time in the message. Closed by FIN or RST: the server's
`timeout`, a proxy or a load balancer ended it and said so. Silently: something
in between forgot it, so that what is sent on it is lost; then the time is an
upper bound, the next age that is tried.)",
     .means = R"(A pooled connection that idles for that long is dead when it is used next. After
a FIN or RST, one command fails, and many clients retry it. After a silent cut,
the command hangs until the client's timeout, or until the kernel gives up,
which takes more than 15 minutes with Linux' default tcp_retries2=15. Busy
connections are not concerned.)",
     .action = R"(Silent cut: TCP keepalive in the clients with an idle time clearly below it
(half of it). Closed by the server's `timeout`: TCP keepalive does not help,
since only commands count; let pools drop or test connections that idle for less
than that, or set `timeout 0`. Closed by a load balancer or proxy: raise its
idle limit, or do as for a silent cut.)",
     .look = R"(relinkd_idle_cut_seconds; `redis-cli CONFIG GET timeout`; the idle timeouts of
what stands in between (Azure Load Balancer: 4 minutes, silently unless TCP
reset is on; AWS NLB: 350 seconds; Azure Cache for Redis and Google Cloud: 10
minutes).)"},
    {// idle_cut_gone
     .subject = "idle connections survive on this path again",
     .happened = R"(relinkd's silent connection was answered at the idle time at which such
connections were cut before.)",
     .means = "Pooled connections that idle for that long are alive again when they are used.",
     .action = "Nothing.",
     .look = "relinkd_idle_cut_seconds, which is 0 while no cut is seen."},
    {// certificate_expiring
     .subject = "the server's TLS certificate ends soon",
     .happened = R"(The certificate that the server showed, or one that it depends on, is valid only
until the time in the message.)",
     .means = R"(Nothing yet. From then on, clients that verify cannot open new connections,
while those that are open go on: failures begin scattered, with each reconnect.)",
     .action = R"(Renew the certificate and make the server load it (`CONFIG SET` of tls-cert-file
and tls-key-file, or a restart), and see that relinkd then reports the new time.)",
     .look = R"(relinkd_tls_certificate_expiry_timestamp_seconds;
`openssl s_client -connect HOST:PORT </dev/null | openssl x509 -noout -dates`.)"},
    {// sysctl_not_applied
     .subject = "a kernel setting does not have the wanted value",
     .happened = R"(A sysctl that the configuration wants ([sysctl.want]) has another value in
relinkd's network namespace, or cannot be read. The message has key, value and
wanted value.)",
     .means = R"(For net.ipv4.tcp_retries2 it is the time for which a command hangs on a
connection whose data nobody acknowledges, where the client has no timeout of
its own: 15, the default, gives more than 15 minutes, 8 about 108 seconds, 5
between 13 and 27 seconds. Idle connections are not concerned, and network
namespaces (containers) have values of their own.)",
     .action = R"(Decide whether you want the value: it holds for every TCP connection of the
host, and below 8 it is less patient than RFC 1122 advises. If so, set it with
`sysctl -w KEY=VALUE`, and for the next boot in a file in /etc/sysctl.d. If it
was set and has changed back, find the program or file that does it. If you do
not want it, take it out of the configuration.)",
     .look = R"(`relinkctl sysctl check`; `sysctl KEY`; /etc/sysctl.d, /usr/lib/sysctl.d,
/etc/sysctl.conf; relinkd_tcp_give_up_seconds.)"},
    {// sysctl_applied
     .subject = "a kernel setting has the wanted value",
     .happened = "A sysctl that the configuration wants has the wanted value (again).",
     .means = R"(net.ipv4.tcp_retries2 then holds for all TCP connections of this network
namespace, those that are open included. Nothing is said about the next boot,
nor about containers.)",
     .action = "Nothing.",
     .look = "`relinkctl sysctl check`; relinkd_sysctl_ok."},
    {// degraded
     .subject = "relinkd cannot do a part of its work",
     .happened = R"(relinkd runs without something that it should have: the metrics port, the
control socket, a permission, a setting of the kernel. The message says what,
and why.)",
     .means = "Nothing. Watching goes on as far as it can.",
     .action = R"(Remove the obstacle that the message names, then restart relinkd, or reload it
if its configuration was the reason.)",
     .look = R"(`systemctl status relinkd`; `ss -ltnp` for who holds a port;
`relinkctl config show`.)"},
    {// repeated
     .subject = "lines were held back or lost",
     .happened = R"(The same kind of line came so often for one endpoint that relinkd stopped
writing each of them, and counted; or standard error or the journal took no
lines for so long that some were lost. The message has the number.)",
     .means = R"(What those lines say: the message quotes the last of them. An endpoint that
changes its condition many times a minute is mostly unusable.)",
     .action = "Act on the line that is quoted. The counters of the metrics are complete.",
     .look = "relinkd_conditions_total and relinkd_disconnects_total for this endpoint."},
}};

}  // namespace relinkd::journal
