// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "journal/catalog.hpp"

namespace relinkd::journal {

/// The texts of the conditions, in their order.
inline constexpr std::array<CatalogText, 18> kConditionTexts{{
    {// unknown
     .subject = "nothing is known of this Redis endpoint yet",
     .happened = R"(relinkd has begun to watch this endpoint (it was started, or the endpoint is new
in the configuration), and no probe has been answered or has failed yet.)",
     .means = "Nothing can be said: neither that the endpoint is healthy nor that it is not.",
     .action = R"(Wait. With the default settings the first result is there within 10 seconds
(name resolution, connect_timeout, command_timeout). If it stays unknown for
longer, relinkd itself cannot work: look at its other messages.)",
     .look = "`relinkctl status`; `journalctl -u relinkd`."},
    {// local_fault
     .subject = "the fault is on this host, not at the Redis server",
     .happened = R"(relinkd could not even try, or nothing at all was reachable from here. Either
the kernel refused what relinkd needs (no file descriptor left, no local port
left, the network down), or the link, address or route to the server is gone, or
several endpoints at different addresses stopped answering at the same moment
and no new connection to any of them was answered. The message says which.)",
     .means = R"(Of the server nothing is known; other hosts may use it without trouble. If a
link, an address or a route is gone, the applications of this host are cut off
from it as relinkd is. Local ports run out for a host and a destination
together, so applications that connect to the same server meet that too. File
descriptors are counted per process: where relinkd has none left, applications
may have plenty.)",
     .action = R"(Repair this host first, and leave the server alone. Link, address or route: find
out who took it away. Ports: find the program that opens and closes connections
so fast (`ss -s`, many in TIME-WAIT), and let it reuse them. File descriptors:
raise LimitNOFILE= of relinkd if it watches thousands of endpoints.)",
     .look = R"(`ip -br link`, `ip -br address`, `ip route get ADDRESS`; `ss -s`;
/proc/sys/net/ipv4/ip_local_port_range; `journalctl -k`.)"},
    {// dns_failed
     .subject = "the name does not resolve and no known address answers",
     .happened = R"(The name in the endpoint's URL gives no address (the message has the resolver's
answer), and none of the addresses that it had before answers either.)",
     .means = R"(Applications cannot open new connections by this name. Connections that they
hold already do not need the name; whether those work depends on the server,
which does not answer relinkd at the addresses known so far.)",
     .action = R"(Ask the resolver for the name yourself. If other names resolve, look at the zone
or at the provider (a deleted or renamed endpoint looks like this); if none
does, look at /etc/resolv.conf and the DNS servers. relinkd reads /etc/hosts and
asks the servers of /etc/resolv.conf; it does not use nsswitch.conf, so
`getent hosts` may know a name that relinkd cannot see.)",
     .look = R"(`dig NAME`, `resolvectl query NAME`, `cat /etc/resolv.conf`;
relinkd_dns_changes_total; `relinkctl status` for the addresses last known.)"},
    {// refused
     .subject = "connections are refused",
     .happened = R"(The address answered the attempt to connect with a reset (RST to the SYN). So
the path and the host are alive, and nothing accepts connections at that port:
the server process has ended or listens elsewhere, or a firewall or load
balancer rejects.)",
     .means = R"(New connections fail at once with "Connection refused". If the server process
has ended, all connections to it ended with it, and applications fail until it
is back.)",
     .action = R"(Start the server, or find out why it ended (out of memory, a crash, an update in
progress). If it runs, compare its `bind` and `port` with the URL of this
endpoint, and look for a rule that rejects (REJECT with tcp-reset) on the way.)",
     .look = R"(On the server: `systemctl status redis-server` (or valkey), its log, `ss -ltn`,
`journalctl -k` for the out-of-memory killer.)"},
    {// unreachable
     .subject = "nothing gets through to the server",
     .happened = R"(What relinkd sent was not acknowledged, and an attempt to open a new connection
was not answered either, or a router reported that there is no way (ICMP). The
host may be down, or a network or firewall between drops the packets in one
direction or in both: from here these look the same.)",
     .means = R"(New connections hang until the application's connect timeout. On connections
that are open, writing still succeeds, since the kernel only stores the data,
and answers never come. Where the client library has no timeout of its own, a
command then hangs until the kernel gives up: after more than 15 minutes with
Linux' default tcp_retries2=15, after 13 to 27 seconds with 5.)",
     .action = R"(See whether the server's host is alive (its console, its neighbours, the
provider's status), then the way to it: routes, security groups, firewalls. If a
failover to another node is under way, wait for the name or the address to move.)",
     .look = R"(`ping ADDRESS`, `tracepath ADDRESS`, `ip route get ADDRESS`;
`ss -tnoi dst ADDRESS` shows the connections that retransmit;
`relinkctl sysctl check` tells how long the kernel waits.)"},
    {// half_open
     .subject = "the connection is dead, the server is not",
     .happened = R"(Several transmissions on relinkd's connection stayed unanswered while a new
connection to the same node was answered. So the node and the path to it are
alive, and this one flow is forgotten or dropped on the way: a NAT gateway,
firewall or load balancer has lost its state, or an address moved and left old
connections behind. If the message says that the data was acknowledged, a proxy
stands in between, and its connection to the server is the one that is dead.)",
     .means = R"(Such state is kept for each connection: connections of applications over the
same way may be dead too, or may be fine; the watch's connection proves neither.
On a dead one writing succeeds and answers never come. Clients with a command
timeout drop it after that; without one they hang until the kernel gives up,
more than 15 minutes with Linux' default tcp_retries2=15. A dead connection that
is idle in a pool shows nothing at all until it is used.)",
     .action = R"(relinkd opens a new connection for its own watch. Of the applications' it ends
those that are proven dead themselves, where they are configured ([[app]], mode
"act"); `relinkctl apps` shows them. Look for others that hang, and make those
reconnect (their own reload, or a restart, not all at the same moment). Root can
end single connections with `ss -K dst ADDRESS dport = PORT`, where the kernel
supports it; check that they are gone, since ss reports success even if the
kernel refused.
Against the next time: TCP keepalive shorter than the idle limit of what stands
in between, a command timeout in the client, tcp_retries2 of 5 to 8.)",
     .look = R"(`ss -tnoi dst ADDRESS`: timer:(on,…) with a growing backoff is a connection
whose data nobody acknowledges. relinkd_idle_cut_seconds; the idle timeouts of
NAT, firewall and load balancer (Azure Load Balancer 4 minutes, AWS NLB 350
seconds).)"},
    {// peer_closed
     .subject = "the server side closed the connection",
     .happened = R"(A FIN came: the server, or a proxy in front of it, closed relinkd's connection
in order. The condition lasts until the next connection has its first result.
Why it was closed is in the line about the end of the connection, as far as that
can be known (RELINKD_CAUSE=peer_closed means: not known).)",
     .means = R"(If the server ended or drops its clients, connections of applications were
closed too. An application notices at its next command on such a connection:
writing succeeds, reading gives the end of the stream. Clients that test a
pooled connection before use, or retry once, go on without an error.)",
     .action = R"(Nothing, if it happens once and the endpoint is ok again. If it comes back: look
at the server's log for restarts and for CLIENT KILL, at its `timeout`, and at
the idle limits of proxies and load balancers in between.)",
     .look = R"(`journalctl -u relinkd RELINKD_ENDPOINT=NAME`; relinkd_disconnects_total by
cause; the server's log; `redis-cli CONFIG GET timeout`;
`ss -tn state close-wait` for connections whose end an application has not
noticed yet.)"},
    {// reset
     .subject = "the connection was reset",
     .happened = R"(An RST came on relinkd's open connection: the server process was killed or its
host started anew, or something in between (firewall, load balancer, proxy) cut
the connection and said so. The condition lasts until the next connection has
its first result.)",
     .means = R"(Applications whose connections were reset get "Connection reset by peer" at
once, at the command in progress or at the next one. Most clients reconnect
after that by themselves; commands in flight may or may not have been carried
out.)",
     .action = R"(Nothing, if it happens once and the endpoint is ok again. If refused follows,
the server process has ended. If it comes back at a regular age of the
connection, look for an idle limit with TCP reset in what stands in between.)",
     .look = R"(The server's log and uptime (`redis-cli INFO server`); relinkd_disconnects_total
by cause; relinkd_idle_cut_seconds.)"},
    {// tls_failed
     .subject = "TLS fails",
     .happened = R"(The TCP connection works, and the TLS handshake or the verification of the
certificate does not. The message has OpenSSL's reason: an expired certificate,
another name, an unknown authority, or no TLS at the other end at all.)",
     .means = R"(Applications that verify in the same way cannot open new connections; those that
are open go on until they end, so the damage can grow slowly. If only relinkd's
own settings are wrong (ca_file, server_name, client certificate), applications
are fine.)",
     .action = R"(By reason. Expired: renew the certificate, and make the server load it. Name
does not match: connect by a name that the certificate has, or set server_name.
Unknown authority: set ca_file to the right bundle. "wrong version number": that
port does not speak TLS (use redis://), or a proxy in between does not.)",
     .look = R"(`openssl s_client -connect HOST:PORT -servername NAME`;
relinkd_tls_certificate_expiry_timestamp_seconds; `relinkctl check URL`.)"},
    {// not_redis
     .subject = "what answers is not a Redis server",
     .happened = R"(The connection works, and the bytes that came are not the Redis protocol (the
message shows the first of them), or claim sizes that no answer to such a
command has.)",
     .means = R"(Applications that use this address talk to the wrong service and fail. If the
address is new in relinkd's configuration only, applications are not concerned.)",
     .action = R"(Check the port and the scheme of the URL: a web server answers with "HTTP/1.1",
a TLS port that is spoken to in plain text with bytes that cannot be printed
(use rediss://). Behind a proxy, see whether it sends an error page of its own.)",
     .look = R"(`redis-cli -h HOST -p PORT PING`; `relinkctl check URL`; on the server
`ss -ltnp`.)"},
    {// auth_failed
     .subject = "the server refuses relinkd's credentials or permissions",
     .happened = R"(The server answered, with NOAUTH (a password is needed and none was given),
WRONGPASS (user or password are wrong) or NOPERM (the user may not run a command
that relinkd cannot do without). The message says which.)",
     .means = R"(Path and server are alive. Applications with credentials of their own are not
concerned. If they share relinkd's, or the password was changed for all, their
new connections are refused too, while connections that logged in before go on.)",
     .action = R"(NOAUTH: give the endpoint a password (and a user). WRONGPASS: see whether the
password was changed, update the file or credential, then
`systemctl reload relinkd`. NOPERM: let the user run at least PING; INFO and
ROLE let relinkd tell roles and restarts.)",
     .look = R"(On the server `redis-cli ACL LOG` and `ACL GETUSER`; `relinkctl config show` for
where each setting comes from (secrets are not shown).)"},
    {// stalled
     .subject = "the server accepts data and answers nothing",
     .happened = R"(The server's kernel acknowledges what relinkd sends, so host and path are alive,
but for command_timeout neither this connection nor a new one got an answer: the
process is stopped, blocked, or busy with one long command.)",
     .means = R"(In all likelihood every client of this node waits, on every connection. New
connections are accepted by the kernel and wait as well. Commands end with the
client's own timeout, or go on when the server does.)",
     .action = R"(Do not restart or reconnect applications: a new connection is answered no
sooner, and many at once delay the server further when it comes back. Look at
the node: a slow command or script, a fork of a large data set, swapping, a disk
that blocks the append-only file, a stopped process or a paused virtual machine.)",
     .look = R"(On the node: `top`, `vmstat 1`, `journalctl -k`; once it answers again
`redis-cli SLOWLOG GET`, `LATENCY DOCTOR` and `INFO persistence`.)"},
    {// master_down
     .subject = "a replica has lost its primary and refuses to answer",
     .happened = R"(The node answered MASTERDOWN: it is a replica, its link to the primary is down,
and it is configured not to serve old data (replica-serve-stale-data no).)",
     .means = R"(Reading from this node fails until its link is back. Whether the primary serves
its clients is not said by this.)",
     .action = R"(Look at the primary and at the network between the two. If a failover is under
way, wait until the replica follows the new primary.)",
     .look = R"(On the node `redis-cli INFO replication`: master_host, master_link_status,
master_link_down_since_seconds; the logs of both.)"},
    {// loading
     .subject = "the server is loading its data",
     .happened = R"(The node answered LOADING: it was started, or it is a replica after a full
synchronisation, and reads its data set into memory.)",
     .means = R"(Connections work, and nearly every command is refused with LOADING until the
data is loaded. With many gigabytes that takes minutes.)",
     .action = R"(Wait; it ends by itself. If nobody restarted the server on purpose, find out why
it ended before.)",
     .look = R"(`redis-cli INFO persistence`: loading_eta_seconds, loading_loaded_perc; the
server's log.)"},
    {// busy
     .subject = "a script keeps the server busy",
     .happened = R"(The node answered BUSY: a script or function has been running for longer than
busy-reply-threshold (5 seconds by default; lua-time-limit in older versions).)",
     .means = "Nearly every command of every client is refused with BUSY until the script ends.",
     .action = R"(Wait, or end it with `redis-cli SCRIPT KILL` (`FUNCTION KILL` for a function).
The server refuses that once the script has written: then only waiting is left,
or `SHUTDOWN NOSAVE`, which loses what is not on disk yet. Then find the
application that runs the script.)",
     .look = "The server's log names the script; afterwards `redis-cli SLOWLOG GET`."},
    {// read_only
     .subject = "the node is a replica where a primary is expected",
     .happened = R"(The node answers and says of itself that it is a replica, while the
configuration expects a primary (expect = "primary"). Most often a failover or
switchover has moved the primary elsewhere, and this address, name or proxy
still leads to the old one.)",
     .means = R"(Writing fails with READONLY. A switchover does not have to close connections:
applications that hold one to this node keep getting that error until they
reconnect to the new primary, some clients only after a restart.)",
     .action = R"(Find the primary now, and see that name, virtual address or proxy lead there.
Then make applications reconnect that still get READONLY, not all at the same
moment. If a replica is meant, set expect = "replica" or "any".)",
     .look = R"(`redis-cli -h HOST ROLE` on each node; Sentinel:
`SENTINEL get-master-addr-by-name NAME`; `dig NAME`; `ss -tn dst ADDRESS` on
this host for connections to the old primary.)"},
    {// slow
     .subject = "the server answers late",
     .happened = R"(The last answer took longer than slow_threshold, or the one that is due has not
come yet. Nothing proves a fault so far: loss on the path, a short stall of the
server or of the network look like this.)",
     .means = "Commands work and take longer; clients with tight timeouts may fail.",
     .action = R"(Nothing for a single one. If it stays: compare the round trip with that of other
hosts, look for loss on the path, and for slow commands on the server. If this
is the normal round trip of the path, raise slow_threshold.)",
     .look = R"(relinkd_ping_rtt_seconds; `ss -ti dst ADDRESS` (rtt, retrans);
`redis-cli SLOWLOG GET`, `redis-cli --latency -h HOST`.)"},
    {// ok
     .subject = "the endpoint is healthy",
     .happened = R"(The last probe on relinkd's connection was answered in time, and the node has
the role that is expected.)",
     .means = R"(New connections can be expected to work. It does not prove that each connection
of each application is alive: one that died during an incident, and lies idle in
a pool, shows it only when it is used.)",
     .action = R"(Nothing. After an incident, see that the applications' errors have ended too,
and make those reconnect that still fail.)",
     .look = "The applications' own error rates; `ss -tno dst ADDRESS` on this host."},
}};

}  // namespace relinkd::journal
