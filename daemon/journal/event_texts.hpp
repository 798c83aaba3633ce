// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "journal/catalog.hpp"

namespace relinkd::journal {

/// The texts of all other events, in the order of Event from Started on.
inline constexpr std::array<CatalogText, 42> kEventTexts{{
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
     .happened = R"(At the same address the server now reports another run_id: its process was
started anew. A server that ran before and took the address over is told as
another event, where it says for how long it has run.)",
     .means = R"(After a restart all connections, subscriptions, transactions and blocked
commands are gone, and so is what had not been saved; clients that reconnect by
themselves go on, subscribers have to subscribe again, and scripts have to be
loaded again (NOSCRIPT).)",
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
    {// failover
     .subject = "another node is the primary now",
     .happened = R"(The primary has changed, and the new one has proven itself: it answers, and says
that it is a primary. The message tells the change in figures, from the last
proof of the old primary on. failover: the old one was lost. switchover: it was
well, or the change was announced. dns: the name was moved to another primary.)",
     .means = R"(New connections find the new primary as soon as they ask anew where it is. Old
ones do not move. If the old primary was lost, they hang until the client's
timeout, or until the kernel gives up. If it became a replica, they may stay
open, and writing fails with READONLY. Writes that the old primary acknowledged
and had not replicated yet are lost after a failover.)",
     .action = R"(See that the applications' errors have ended, and make those reconnect that
still talk to the old primary, not all at the same moment. After a failover,
find out what befell the old primary, and see that a replica is left for the
next one.)",
     .look = R"(`relinkctl status`; relinkd_failovers_total, relinkd_failover_seconds,
relinkd_last_failover_duration_seconds; `ss -tno dst OLD-ADDRESS` on this host;
the logs of servers and Sentinels.)"},
    {// primary_named
     .subject = "another node is named as the primary",
     .happened = R"(The Sentinels, the cluster or another node say that the primary is another one
than before; the message has both, and who says so. relinkd connects to the new
one. That is hearsay until the node proves it itself.)",
     .means = R"(A failover or switchover is under way or just over. Writing may fail until the
new primary is ready, and on connections to the old one also afterwards.)",
     .action = R"(Wait: the next line tells that the new primary has proven itself, and how long
it took. If none comes, see whether this host can reach the address that is
named. Behind NAT or in containers, servers may announce an address that only
they can reach (replica-announce-ip, cluster-announce-ip).)",
     .look = R"(`relinkctl status`; Sentinel: `SENTINEL get-master-addr-by-name NAME`; cluster:
`CLUSTER NODES`; `redis-cli -h HOST ROLE` on the node that is named.)"},
    {// topology_unconfirmed
     .subject = "no majority of the Sentinels confirms who the primary is",
     .happened = R"(Of all Sentinels that relinkd knows, those out of reach included, no majority
has lately named the same primary at the same config-epoch. Sentinels are down
or cannot be reached from here, or they disagree, as during a failover or when
the network is divided.)",
     .means = R"(Nothing by itself: the nodes are watched as before. But the primary that is
named may be an old one, in which a Sentinel believes that is cut off together
with it; and Sentinels without a majority cannot fail over when it is needed.)",
     .action = R"(If it lasts for more than a minute, bring back the Sentinels that the message
counts as missing, or the path from this host to them. A Sentinel that was taken
away for good stays known to the others until each of them is told
`SENTINEL RESET NAME`, one after another.)",
     .look = R"(`relinkctl status` for the Sentinels out of reach; on each Sentinel
`SENTINEL CKQUORUM NAME`, `SENTINEL MASTER NAME` (config-epoch),
`SENTINEL SENTINELS NAME`.)"},
    {// topology_confirmed
     .subject = "a majority of the Sentinels agrees who the primary is",
     .happened = R"(More than half of the Sentinels that relinkd knows name the same primary at the
same config-epoch again; the message has it.)",
     .means = "Sentinels can fail over again when it is needed.",
     .action = "Nothing.",
     .look = "`relinkctl status`; `SENTINEL CKQUORUM NAME` on a Sentinel."},
    {// sentinel_event
     .subject = "a Sentinel reports a change",
     .happened = R"(A Sentinel has published what the message quotes. +sdown: it has had no valid
answer from that node for down-after-milliseconds; +odown: as many Sentinels as
the quorum asks for agree that the primary is down; -sdown, -odown: no longer.
+tilt: the Sentinel finds its own clock or process halted, and acts on nothing
until -tilt. +switch-master: another node is the primary now.)",
     .means = R"(+odown, or +sdown of the primary: writing fails now for whoever sees what the
Sentinels see, and a failover is near. +sdown of a replica or Sentinel: readers
of that replica fail, and there is less in reserve. +tilt: this Sentinel takes
no part in a failover.)",
     .action = R"(Compare with relinkd's own lines: where it finds the node well, the trouble is
between the Sentinels and the node. If +odown is not followed by a failover, see
whether a majority of the Sentinels is alive, and a replica fit to be promoted
(replica-priority, the age of its data). After +tilt look at that host's clock
and load.)",
     .look = R"(The Sentinels' logs; `SENTINEL CKQUORUM NAME`, `SENTINEL MASTER NAME`,
`SENTINEL REPLICAS NAME` on a Sentinel.)"},
    {// cluster_failing
     .subject = "the cluster does not serve all of its keys",
     .happened = R"(A node of the cluster says cluster_state:fail, or there are hash slots that no
node serves. The message counts them.)",
     .means = R"(Commands on keys of such slots fail with CLUSTERDOWN. With
cluster-require-full-coverage, which is on by default, commands on all other
keys fail as well.)",
     .action = R"(If a primary was lost that has a replica, wait: the replica takes over soon
after cluster-node-timeout (15 seconds by default). If it has none, bring it
back. Giving its slots to other nodes (`redis-cli --cluster fix`) makes the
cluster work without the keys that it held.)",
     .look = R"(`redis-cli CLUSTER INFO`, `CLUSTER NODES`, `redis-cli --cluster check HOST:PORT`
on one of the nodes; their logs; `relinkctl status`.)"},
    {// cluster_fine
     .subject = "the cluster serves all of its keys again",
     .happened = "The cluster says cluster_state:ok, and each hash slot is served by a node.",
     .means = R"(Commands work again. Clients that kept an old view of the cluster are led on by
MOVED.)",
     .action = "Nothing, but to see that the applications' errors have ended.",
     .look = "`redis-cli CLUSTER INFO`; `relinkctl status`."},
    {// cluster_changed
     .subject = "nodes or hash slots of the cluster have changed",
     .happened = R"(By the cluster's own view nodes were added or removed, or hash slots went from
one node to another; the message says which. relinkd watches the primaries that
there are now.)",
     .means = R"(Cluster clients follow by MOVED and ASK, at the cost of a round trip. While
slots move, commands on several keys may fail with TRYAGAIN. Connections to a
node that was removed are of no use any more.)",
     .action = R"(Nothing, if it was meant. See that the URLs of the applications and of relinkd
name nodes that will stay: a client that starts anew needs one of them.)",
     .look = R"(`redis-cli CLUSTER NODES`, `redis-cli --cluster check HOST:PORT`;
`relinkctl status`.)"},
    {// server_replaced
     .subject = "another server has taken over the address",
     .happened = R"(At the same address the server reports another run_id, and it ran already when
the old one still answered: it is no restart. A virtual address, a proxy or a
load balancer leads to another server now. The message says whether its data
continue those of the old one, as far as the servers tell (master_replid,
master_replid2).)",
     .means = R"(Connections to the old server did not move with the address: they are reset, or
they hang, or a proxy still leads them to the old one. If the data do not
continue the old ones, keys are missing, or others are there.)",
     .action = R"(Nothing, if it was meant and the applications have reconnected. Else find out
who moved the address, and make those reconnect whose commands hang or fail.)",
     .look = R"(`redis-cli INFO server` (run_id, uptime_in_seconds), `INFO replication`,
`INFO keyspace`; `ss -tno dst ADDRESS` on this host; the configuration of what
holds the address.)"},
    {// maintenance
     .subject = "the service announces maintenance",
     .happened = R"(The managed service has published (on the channel AzureRedisEvents) that
maintenance is planned, begins, or is over. The message has what it says of
kind, time and node. Such notices are hints: they may be late, wrong or lost.)",
     .means = R"(While it lasts, connections to the node are closed, and another node becomes the
primary: commands fail for some seconds, and clients have to reconnect. relinkd
counts what happens then as a switchover and not as a failover.)",
     .action = R"(Nothing, if the applications reconnect by themselves and repeat what failed. Put
off what must not be interrupted.)",
     .look = R"(relinkd_maintenance_events_total by type; `relinkctl status`; the provider's
notices and its setting for the time of maintenance.)"},
    {// former_left
     .subject = "no connection of this host leads to the former primary any more",
     .happened = R"(The last TCP connection of this host's processes to a node that was the primary
before is gone. relinkd no longer watches that node on their account.)",
     .means = R"(No application writes to that node over a connection from before the change.
Containers with a network namespace of their own are out of sight.)",
     .action = "Nothing.",
     .look = "`ss -tn dst ADDRESS` on this host; `relinkctl status`."},
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
    {// relink_decided
     .subject = "the application is to be made to reconnect",
     .happened = R"(Connections of this application are dead while their node is alive, or lead to a
former primary while another one has proven itself; or a person ordered it. The
message says how many, to which node, and what will be done. What is dead is
ended at once; what may disturb living connections waits a random part of
`spread`, and for its turn.)",
     .means = R"(Commands on those connections hang or fail. When relinkd ends such a connection
the application gets an error at once, and its client opens another one.)",
     .action = R"(Nothing. The lines with the same RELINKD_INCIDENT say what was done, and whether
it helped. `relinkctl pause` stops all actions if you have to look first.)",
     .look = R"(`relinkctl apps`; `journalctl -u relinkd RELINKD_INCIDENT=ID`;
`relinkctl explain black_holed`, `relinkctl explain wrong_node`.)"},
    {// relink_held
     .subject = "the application would be made to reconnect, but is not now",
     .happened = R"(There is something to be done for this application, and a rule forbids it for
now; the message says which. Each reason is told once for each time that an
application is to reconnect. When the reason is gone, relinkd looks at
everything again.)",
     .means = R"(Commands on the connections in question go on hanging or failing, until the
reason is gone, the client's own timeout, or the kernel's.)",
     .action = R"(Mostly nothing: as long as the endpoint is not proven healthy, a new connection
would be no better. An open breaker is closed by `relinkctl reset APP`, a pause
ended by `relinkctl resume`. `relinkctl relink APP` orders it at once; it does
not wait for `spread` and `min_interval`, and only acts toward a healthy
endpoint, too.)",
     .look = R"(`relinkctl apps`, `relinkctl status`; relinkd_relinks_suppressed_total by
reason.)"},
    {// relink_acted
     .subject = "an action for the application was carried out",
     .happened = R"(relinkd-actuator has done what relinkd ordered (RELINKD_ACTION): ended
connections, or signalled, reloaded, restarted or started a unit. In mode
"observe" nothing was done, and the line says what would have been.)",
     .means = R"(Connections that were ended give an error at once ("Software caused connection
abort"); a command in flight on one may or may not have been carried out. What a
signal, reload or restart does is up to the application.)",
     .action = "Nothing. Whether it helped is told within `verify_within`.",
     .look = R"(`journalctl -u relinkd-actuator`; `relinkctl apps`; relinkd_relinks_total by
action and result.)"},
    {// relink_recovered
     .subject = "the application has reconnected",
     .happened = R"(After relinkd acted, no connection of the application is dead or leads to a
former primary any more (with expect_connections = true: and a living one leads
to a right node). The message has the time from the first sign of trouble.)",
     .means = "Its commands to this endpoint work again, as far as connections go.",
     .action = R"(Nothing. If it comes back for the same application, look for the cause: an idle
limit on the way without keepalive, a client that does not follow failovers.)",
     .look = R"(relinkd_relink_seconds; `relinkctl incidents`; `relinkctl apps` for unprotected
connections.)"},
    {// relink_failed
     .subject = "an action for the application failed or did not help",
     .happened = R"(The actuator refused or failed, is not there, or after `verify_within` there
were still connections that are dead or lead to a former primary. relinkd goes
on with the next of `actions`; where every action was tried, it stops, and the
line says so.)",
     .means = R"(Where every action was tried, the application goes on with connections that do
not work, until its client's timeouts, the kernel's, or a restart by hand.)",
     .action = R"(If actions are left: wait. If not: look at the application; its client may keep
the address of the former primary, or not reconnect at all. Restart it when it
suits, and consider adding "reload" or "restart" to its `actions`. If the
actuator refused, its own log says what did not fit the configuration.)",
     .look = R"(`relinkctl apps APP`; `journalctl -u relinkd-actuator`; the application's log.)"},
    {// breaker_opened
     .subject = "relinkd has stopped acting for the application",
     .happened = R"(The application was made to reconnect more than `max_relinks_per_hour` times
within an hour, or three of its new connections died within a minute of being
opened. Reconnecting does not cure what is wrong. The message says which.)",
     .means = R"(Dead connections of this application are reported and not ended any more.
Replacements that die at once look like packets of a certain size being lost on
the way (an MTU black hole), or a middlebox that drops what is established.)",
     .action = R"(Find what kills the connections. For the MTU: `ping -M do -s 1472 ADDRESS`
against smaller sizes, and `net.ipv4.tcp_mtu_probing=1` as a remedy on this
host. Then `relinkctl reset APP`. Without it the breaker closes after an hour.)",
     .look = R"(`relinkctl apps APP`; `relinkctl incidents`; `ss -tnoi dst ADDRESS`;
relinkd_relink_breaker_open.)"},
    {// breaker_closed
     .subject = "relinkd acts for the application again",
     .happened = "A person reset the application's breaker, or an hour has passed.",
     .means = "Its dead connections are ended again when they are found.",
     .action = "Nothing, if the cause is gone. Else it will open again.",
     .look = "`relinkctl apps APP`."},
    {// paused
     .subject = "a person has stopped all actions",
     .happened = R"(Somebody called `relinkctl pause`. relinkd goes on watching, and says what it
would do. The message says until when.)",
     .means = R"(No application is made to reconnect. Dead connections hang until the client's
own timeout, or the kernel's.)",
     .action = "`relinkctl resume`, when the reason is gone.",
     .look = "`relinkctl status`; relinkd_relinks_suppressed_total, reason paused."},
    {// resumed
     .subject = "relinkd acts again",
     .happened = "Somebody called `relinkctl resume`.",
     .means = R"(What is found dead from now on is ended again; what was found during the pause
is looked at anew.)",
     .action = "Nothing.",
     .look = "`relinkctl apps`."},
    {// actuator_lost
     .subject = "relinkd-actuator cannot be reached, or cannot do its work",
     .happened = R"(relinkd itself has no privileges; relinkd-actuator ends connections and asks
systemd on its behalf. Its socket does not answer, it refuses relinkd's user, or
it says that it lacks something: a kernel without CONFIG_INET_DIAG_DESTROY, no
system bus. The message says which.)",
     .means = R"(relinkd watches, decides and reports as before, but nothing that it decides is
done (RELINKD_RESULT=no_actuator). Dead connections hang until the client's own
timeout, or the kernel's.)",
     .action = R"(`systemctl enable --now relinkd-actuator.socket`; [actuator] socket and user
have to be the same for both programs. If nothing is to be done on this host,
mode = "observe" says so, and this line does not come.)",
     .look = R"(`systemctl status relinkd-actuator.socket relinkd-actuator.service`,
`journalctl -u relinkd-actuator`.)"},
    {// actuator_back
     .subject = "relinkd-actuator can be reached again",
     .happened = "It answered, and says what it can do; the message has that.",
     .means = "What relinkd decides for applications is carried out again.",
     .action = "Nothing.",
     .look = "`relinkctl apps`."},
    {// app_out_of_sight
     .subject = "connections of the application cannot be seen from here",
     .happened = R"(Processes of this application are in another network namespace (a container, or
a unit with PrivateNetwork=). Their connections are not in the list that the
kernel gives to relinkd. The message has the number of those processes.)",
     .means = R"(Nothing is known of their connections: neither that they are well nor that they
are not. relinkd cannot end them either.)",
     .action = R"(trigger = "endpoint" with an action like "reload" or "restart" acts on the
endpoint's condition instead. Or run relinkd in that network namespace.)",
     .look = R"(relinkd_app_other_netns; `lsns -t net`; `relinkctl apps APP`.)"},
    {// app_disconnected
     .subject = "connections of the application to a node ended",
     .happened = R"(The kernel told relinkd of it at once (BPF), and what the socket was doing;
where the peer closed, relinkd asked the node why. RELINKD_CAUSE has the cause,
the message the figures. What died together of one cause is one line; what
happens every day (the application closes, the server's own timeout) is none.)",
     .means = R"(A client in good order connects anew, and only commands under way failed. Where
the cause is one of the kernel's time-outs, it had hung until then.)",
     .action = R"(`relinkctl explain CAUSE` says what each cause means and what to do.)",
     .look = R"(`relinkctl closes APP`: each of the last ones, with age, idle time and what the
endpoint was doing. relinkd_app_disconnects_total.)"},
    {// app_not_connected
     .subject = "connections of the application to a node could not be opened",
     .happened = R"(TCP was refused, answered by nobody, or stopped on the way or on this host.
RELINKD_CAUSE has the cause, the message the figures.)",
     .means = "The application tries again, if its client does; until then it has no Redis.",
     .action = R"(Where relinkd's own connection to the node fails as well, look at the node.
Where it does not: at firewall rules for this application, at its network, and
at the ports and descriptors that it uses.)",
     .look = R"(`relinkctl closes APP`, `relinkctl status`. relinkd_app_connects_total.)"},
    {// sockets_protected
     .subject = "live connections of the application are protected",
     .happened = R"(relinkd-actuator gave connections of the application TCP keepalive and a user
timeout at least as strict as `protect` says, without its doing. Connections
that it opens later are given them too, without a line of their own. In mode
"observe" nothing was changed, and the line says what would have been.)",
     .means = R"(If the path of one dies, also while it is idle, its kernel notices within the
time that the message names, and the application gets an error ("Connection
timed out") instead of waiting for ever. Nothing else changes for it; what it
had set more strictly itself stays.)",
     .action = R"(Nothing. To put back what was changed: `relinkctl tune revert APP`; for good:
`protect = false`.)",
     .look = R"(`relinkctl tune show APP`; relinkd_tuned_sockets and
relinkd_app_unprotected_sockets; `ss -tno dst ADDRESS`: timer:(keepalive,…).)"},
    {// sockets_reverted
     .subject = "the options of the application's live connections were put back",
     .happened = R"(Somebody called `relinkctl tune revert`. The connections have again the options
that the application gave them.)",
     .means = R"(A connection whose path dies may hang as before relinkd. The application stays
unprotected until `relinkctl tune apply`, over a restart of relinkd, too.)",
     .action = "`relinkctl tune apply APP`, when the reason is gone.",
     .look = "`relinkctl tune show APP`; relinkd_app_unprotected_sockets."},
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
