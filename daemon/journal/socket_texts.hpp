// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "journal/catalog.hpp"

namespace relinkd::journal {

/// The texts of the states of an app's socket, in their order.
inline constexpr std::array<CatalogText, core::kAppSocketStateNames.size()> kSocketTexts{{
    {// ok
     .subject = "a connection of an application shows nothing wrong",
     .happened = R"(The kernel got an ACK on it within the last minute, or a keepalive timer looks
after it.)",
     .means = "As far as the kernel can see, it works.",
     .action = "Nothing.",
     .look = "`relinkctl apps`."},
    {// unproven
     .subject = "whether a connection of an application lives cannot be known",
     .happened =
         R"(It has been idle for more than a minute, and no keepalive timer looks after it:
a dead connection and a living one look the same then. Or what was sent on it is
acknowledged by nobody, and its node does not answer relinkd either, so that the
fault may be the node's or the path's.)",
     .means = R"(An idle one may work. If something on the way has forgotten it, the next command
on it hangs until the client's timeout, or the kernel's.)",
     .action = R"(Have the client use TCP keepalive that is shorter than any idle limit on the
way. Nothing is to be done for the connection itself.)",
     .look = R"(`relinkctl apps` for the unprotected ones; relinkd_app_unprotected_sockets;
relinkd_idle_cut_seconds; `ss -tno dst ADDRESS`: no timer is shown.)"},
    {// peer_closed
     .subject = "an application has not read yet that the server closed its connection",
     .happened = R"(The kernel got a FIN, and the application has not closed its side
(CLOSE-WAIT).)",
     .means = R"(Harmless in a pool: the client notices when it takes the connection out, by its
own check or by an error that a retry cures.)",
     .action = R"(Nothing, unless they grow in number: then the application has lost track of
connections.)",
     .look = "`ss -tnp state close-wait dst ADDRESS`."},
    {// black_holed
     .subject = "a connection of an application is dead, its node is not",
     .happened = R"(At least three transmissions in a row on it were acknowledged by nobody, and
relinkd's own PINGs to the same node were answered before and after the last of
them. So a NAT gateway, firewall or load balancer has forgotten this flow, or an
address has moved and left it behind.)",
     .means = R"(The command on it hangs until the client's timeout, or the kernel's: more than
15 minutes with Linux' default tcp_retries2=15.)",
     .action = R"(In mode "act" relinkd ends it at once, and the application gets an error and
reconnects. Against the next time: keepalive shorter than the idle limit of what
stands in between, and a command timeout in the client.)",
     .look = R"(`relinkctl apps APP`; `ss -tnoi dst ADDRESS`: timer:(on,…) with a growing
backoff; relinkd_app_sockets by state.)"},
    {// stalled
     .subject = "a connection of an application waits for a server that answers nobody",
     .happened = R"(What the application sent was acknowledged and not answered, and the node is
stalled: it does not answer relinkd either.)",
     .means = "The command hangs until the server goes on, or the client's timeout.",
     .action = R"(Look at the server. A new connection would not be answered either, so relinkd
does not touch it.)",
     .look = "`relinkctl explain stalled`, the condition; `relinkctl status`."},
    {// wrong_node
     .subject = "a connection of an application leads to a former primary",
     .happened = R"(It was opened while the node was the endpoint's primary. Since then another node
has proven that it is the primary, and this one says that it is a replica, does
not answer, or its address has long left the name.)",
     .means = R"(Writes on it fail (READONLY), go to a node whose data will be thrown away, or
hang. Reads may be stale.)",
     .action = R"(In mode "act" relinkd ends it, after a random part of `spread`, so that the
application connects anew. A client that then goes to the same node again
resolves or asks Sentinel too rarely: a reload or restart helps (`actions`).)",
     .look = R"(`relinkctl apps APP`, `relinkctl status`; relinkd_app_sockets by state;
relinkd_last_failover_timestamp_seconds.)"},
    {// replica
     .subject = "a connection of an application was opened to a replica",
     .happened = R"(The node is a replica of the endpoint, and was none of its primaries when the
connection was opened.)",
     .means = "Nothing: applications may read from replicas.",
     .action = "Nothing. relinkd never touches it for the node's part.",
     .look = "`relinkctl apps APP`; relinkd_node_role."},
    {// connecting
     .subject = "an application waits for its connection to be established",
     .happened = "The kernel has sent a SYN, and it was not answered yet.",
     .means = R"(Normal for the time of a round trip. For longer: the node or the path is down,
and the connect hangs until the client's connect timeout.)",
     .action = "See the condition of the node.",
     .look = "`relinkctl status`; `ss -tno state syn-sent dst ADDRESS`."},
}};

}  // namespace relinkd::journal
