# SPDX-License-Identifier: Apache-2.0
"""One application, on all hosts or some of them: its connections, and what was done for it."""

from fleet import ENDPOINT, relinks
from grafana import (
    NONE_IS_BETTER, NONE_IS_WELL, areas, bar_gauge, bars, dashboard, lines, link_to, query, row, stat, table,
    variable, variables, words_in_colour,
)
from words import RELINK_RESULTS, SOCKET_STATES

A = '@, app=~"$app"'

NOW = [
    stat("Connections", """
         TCP connections of the app to its endpoints' nodes, on all hosts. 0 although it runs: its match does
         not fit, or it runs out of sight; on a host: relinkctl apps.""",
         f"sum(relinkd_app_sockets{{{A}}})"),
    stat("Old primary", """
         Connections that lead to a former primary. relinkd ends them within seconds, once the new primary is
         proven. If they stay, look at "Held back, by reason".""",
         f'sum(relinkd_app_sockets{{{A}, state="wrong_node"}})', limits=NONE_IS_WELL),
    stat("Dead", """
         Connections whose data nobody acknowledges while the node is well. relinkd ends them at once. If
         they stay, look at "Held back, by reason".""",
         f'sum(relinkd_app_sockets{{{A}, state="black_holed"}})', limits=NONE_IS_WELL),
    stat("Breaker", """
         On how many hosts relinkd has stopped acting for the app, since reconnecting did not help. Find the
         cause, then: relinkctl reset APP.""",
         f"sum(relinkd_relink_breaker_open{{{A}}})", limits=NONE_IS_WELL,
         mappings=[{"type": "value", "options": {"0": {"text": "closed", "color": "green", "index": 0}}}]),
    stat("Relinks", """
         How often the app was made to reconnect in this range, on all hosts, with whatever result.""",
         f'sum(increase(relinkd_relinks_total{{{A}, result!="would"}}[$__range]))', decimals=0),
    stat("Outage", """
         Seconds, summed over hosts and relinks in this range, from the first sight of a bad connection to
         verified recovery. Without relinkd each would have lasted for the kernel's give-up time.""",
         f"sum(increase(relinkd_relink_seconds_sum{{{A}}}[$__range]))", unit="s", decimals=1),
    stat("Unprotected", """
         Connections that no keepalive timer looks after. Nothing is wrong now; turn on keepalive in the
         client.""",
         f"sum(relinkd_app_unprotected_sockets{{{A}}})", limits=NONE_IS_BETTER),
    stat("Out of sight", """
         Processes of the app in another network namespace, such as a container's. relinkd does not see their
         connections: run one there, or set trigger = "endpoint".""",
         f"sum(relinkd_app_other_netns{{{A}}})", limits=NONE_IS_BETTER),
]

CONNECTIONS = [
    areas("Connections by state", """
          unproven is idle without keepalive: nothing can be known of it. peer_closed: the app has not read
          the server's goodbye; harmless in a pool. wrong_node and black_holed are what relinkd ends.
          relinkctl explain STATE says more.""",
          query(f"sum by (state) (relinkd_app_sockets{{{A}}}) > 0", "{{state}}"),
          palette=SOCKET_STATES, size=(14, 9)),
    table("By endpoint", """
          Where the app's connections lead now. A click leads to the endpoint.""",
          [
              ("endpoint", "Endpoint", link_to(ENDPOINT, "Open the endpoint", endpoint="Endpoint")),
              ("state", "State", words_in_colour(SOCKET_STATES)),
              ("Value", "Connections", {"decimals": 0}),
          ],
          f"sum by (endpoint, state) (relinkd_app_sockets{{{A}}}) > 0", size=(10, 9),
          empty="The app has no connection", sort="Connections"),
    table("Hosts in trouble", """
          Hosts on which the app has bad connections, or an open breaker. On the host: relinkctl apps.""",
          [("instance", "Host", {}),
           ("state", "What is wrong", words_in_colour(SOCKET_STATES | {"breaker open": "red"})),
           ("Value", "Connections", {"decimals": 0})],
          f"""sum by (instance, state) (relinkd_app_sockets{{{A}, state=~"wrong_node|black_holed"}}) > 0
          or label_replace(sum by (instance) (relinkd_relink_breaker_open{{{A}}}) > 0,
          "state", "breaker open", "", "")""",
          size=(12, 7), empty="No host has trouble with the app", sort="Connections"),
    lines("Unprotected connections", """
          Connections that no keepalive timer looks after, by endpoint. To be 0: redis-py has
          socket_keepalive, ioredis keepAlive; with an idle time below the age at which the path cuts.""",
          query(f"sum by (endpoint) (relinkd_app_unprotected_sockets{{{A}}})", "{{endpoint}}"), size=(12, 7),
          decimals=0),
]

CLOSES = [
    bars("Closes by cause", """
         The app's connections that ended, and why. local_close: the app did it. killed: CLIENT KILL.
         idle_timeout: the server's timeout, or a middlebox. retransmission_timeout, keepalive_timeout and
         user_timeout: the kernel gave up a dead one. peer_closed and reset: why is not known. On a host:
         relinkctl closes.""",
         query(f"sum by (cause) (increase(relinkd_app_disconnects_total{{{A}}}[$__rate_interval])) > 0",
               "{{cause}}"),
         size=(10, 8), empty="No connection ended, or BPF is not to be had"),
    bars("Attempts to connect, by result", """
         Anything but ok that goes on while the endpoint is well: look for firewalls and networks that concern
         the app alone. timeout: nobody answered. local_fault: this host has no port or route left.""",
         query(f"sum by (result) (increase(relinkd_app_connects_total{{{A}}}[$__rate_interval])) > 0",
               "{{result}}"),
         size=(7, 8), empty="Nothing was opened, or BPF is not to be had"),
    lines("Protected share", """
          Of the app's connections those that a timer looks after, the app's own or relinkd's (protect): a cut
          is noticed within a minute at most. To be 100 %.""",
          query(f"1 - sum by (endpoint) (relinkd_app_unprotected_sockets{{{A}}})"
                f" / (sum by (endpoint) (relinkd_app_sockets{{{A}}}) > 0)", "{{endpoint}}"),
          unit="percentunit", size=(7, 8), empty="The app has no connection"),
]

RELINK = [
    bars("Relinks by action and result", """
         What was done, and how it ended. recovered: verified. not_recovered: the next of the app's actions
         followed. failed: journalctl -u relinkd-actuator. no_actuator: start relinkd-actuator.socket. would:
         mode is observe.""",
         query(f"sum by (action, result) (increase(relinkd_relinks_total{{{A}}}[$__rate_interval])) > 0",
               "{{action}}: {{result}}"),
         palette={f"destroy-sockets: {name}": colour for name, colour in RELINK_RESULTS.items()},
         empty="The app was not made to reconnect"),
    bars("Held back, by reason", """
         The app was to reconnect, and nothing was done. unhealthy, min_interval, max_parallel, rate and
         starting end by themselves. paused: relinkctl resume. breaker: relinkctl reset APP. unconfirmed: no
         majority of the Sentinels agrees.""",
         query(f"sum by (reason) (increase(relinkd_relinks_suppressed_total{{{A}}}[$__rate_interval])) > 0",
               "{{reason}}"),
         palette={"breaker": "red", "paused": "purple", "unconfirmed": "orange", "unhealthy": "yellow"},
         empty="Nothing was held back"),
    bars("Outage", """
         Seconds from the first sight of a bad connection to verified recovery, at the time of the recovery,
         by host.""",
         query(f"topk(10, sum by (instance) (increase(relinkd_relink_seconds_sum{{{A}}}[$__rate_interval])) > 0)",
               "{{instance}}"),
         unit="s", decimals=1, empty="There was no outage"),
    bar_gauge("Time to recovery", """
              How long a relink took, in this range. The longest are those that needed a second action: put
              the one that works first in the app's actions.""",
              query(f"sum(increase(relinkd_relink_seconds_sum{{{A}}}[$__range]))"
                    f" / (sum(increase(relinkd_relink_seconds_count{{{A}}}[$__range])) > 0)", "mean", now=True),
              query("histogram_quantile(0.9, sum by (le)"
                    f" (increase(relinkd_relink_seconds_bucket{{{A}}}[$__range])) > 0)", "90 %", now=True),
              unit="s", decimals=2, size=(12, 8), empty="There was no outage"),
]

DASHBOARD = dashboard(
    "relinkd-app", "relinkd / App", """
    One application: the state of its connections to Redis or Valkey, how often relinkd made it
    reconnect, with what result, and how long it was without.""",
    variables(variable("app", "label_values(relinkd_app_sockets{@}, app)", "App", several=False)),
    [
        *NOW,
        row("Connections"), *CONNECTIONS,
        row("Why connections end"), *CLOSES,
        row("Reconnecting"), *RELINK,
    ],
    [relinks(A)],
)
