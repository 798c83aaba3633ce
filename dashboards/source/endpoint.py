# SPDX-License-Identifier: Apache-2.0
"""One endpoint, as all hosts or some of them see it."""

from fleet import DAY, failovers
from grafana import (
    NONE_IS_WELL, annotation, bar_gauge, bars, dashboard, lines, query, row, stat, state_timeline, table,
    thresholds, variable, variables, words_in_colour,
)
from words import CONDITIONS, FAILOVER_KINDS

# The endpoint's own selector: "@" has job and instance.
E = '@, endpoint=~"$endpoint"'

MAINTENANCE = annotation(
    "Maintenance",
    f"sum by (endpoint, type) (increase(relinkd_maintenance_events_total{{{E}}}[$__rate_interval])) > 0",
    "{{endpoint}}: maintenance {{type}}", "The service announced it.", "blue", at_value=False,
)

NOW = [
    stat("Usable on", """
         The share of the hosts on which the endpoint is ok or slow. All below 100 %: the server or its
         network. One host: that host. The table below has the hosts.""",
         f"avg(relinkd_endpoint_up{{{E}}})", unit="percentunit", decimals=0,
         limits=thresholds((None, "red"), (0.999, "green"))),
    stat("Open incidents", """
         Incidents, counted on each host, that have begun and not ended: from the first proof of trouble to
         verified recovery. On a host: relinkctl incidents.""",
         f"sum(relinkd_incidents_open{{{E}}})", limits=NONE_IS_WELL),
    stat("PING, 99 %", """
         99 of 100 PINGs of relinkd were answered faster than this, in the last minutes, on all hosts. Clearly
         above what it used to be: a slow command on the server, or a far path.""",
         f"histogram_quantile(0.99, sum by (le) (rate(relinkd_ping_rtt_seconds_bucket{{{E}}}[$__rate_interval])))",
         unit="s", decimals=1),
    stat("Last failover", """
         When another primary last proved itself. The line of the journal tells its story: relinkctl
         incidents.""",
         f"max(relinkd_last_failover_timestamp_seconds{{{E}}} > 0) * 1000", unit="dateTimeFromNow",
         empty="none"),
    stat("It took", """
         From the old primary's last proof of life to the new one's first, on the slowest host. Sentinel's
         down-after-milliseconds or the cluster's cluster-node-timeout is most of it.""",
         f"max(relinkd_last_failover_duration_seconds{{{E}}} > 0)", unit="s", decimals=1, empty="none"),
    stat("Idle cut at", """
         The shortest age at which an idle connection was found cut, by the server's timeout or by something
         in between. Have the clients' keepalive be more frequent.""",
         f"min(relinkd_idle_cut_seconds{{{E}}} > 0)", unit="s", empty="not seen",
         limits=thresholds((None, "orange"))),
    stat("Certificate", """
         Until the first certificate of the server's chain ends. Renew it, and have the server load it:
         CONFIG SET tls-cert-file, or a restart.""",
         f"min(relinkd_tls_certificate_expiry_timestamp_seconds{{{E}}}) - time()", unit="s", decimals=1,
         limits=thresholds((None, "red"), (14 * DAY, "orange"), (30 * DAY, "green")), empty="no TLS"),
    stat("DNS changes", """
         How often, in this range, the name came to have other addresses, on the host that saw most. Often,
         without failovers: the name rotates; that is fine.""",
         f"max(increase(relinkd_dns_changes_total{{{E}}}[$__range]))", decimals=0),
]

CONDITION = [
    state_timeline("Hosts in each condition", """
                   One line for each condition that occurred; the number is how many hosts were in it. With
                   one host chosen it is that host's life. relinkctl explain CONDITION says what was seen,
                   what it means and what to do.""",
                   query(f"sum by (condition) (relinkd_endpoint_condition{{{E}}} == 1)", "{{condition}}"),
                   palette=CONDITIONS, size=(16, 9)),
    table("Hosts that are not ok", """
          Each host on which the condition is not ok now. Different conditions on different hosts point at the
          network between.""",
          [
              ("instance", "Host", {}),
              ("condition", "Condition", words_in_colour(CONDITIONS)),
          ],
          f'(relinkd_endpoint_condition{{{E}, condition!="ok"}}) == 1', size=(8, 9),
          empty="ok on every host"),
]

LATENCY = [
    lines("PING", """
          Round trips of relinkd's own PINGs. 99 % and the median part: some commands are slow. Both rise:
          the server is busy, or the path longer. slowest host: the highest median of a single one.""",
          query(f"histogram_quantile(0.99, sum by (le) (rate(relinkd_ping_rtt_seconds_bucket{{{E}}}[$__rate_interval])))",
                "99 %"),
          query(f"histogram_quantile(0.5, sum by (le) (rate(relinkd_ping_rtt_seconds_bucket{{{E}}}[$__rate_interval])))",
                "median"),
          query("max(histogram_quantile(0.5, sum by (instance, le)"
                f" (rate(relinkd_ping_rtt_seconds_bucket{{{E}}}[$__rate_interval]))))", "slowest host"),
          unit="s", palette={"99 %": "orange", "median": "green", "slowest host": "purple"}),
    bar_gauge("Time to the verdict", """
              How long relinkd took from the last proof of life to a condition, on average over this range,
              of all endpoints of these hosts. Much more than the defaults give (about a second): a busy host,
              a lossy path, or a long ping_interval.""",
              query("sum by (condition) (increase(relinkd_detection_seconds_sum{@}[$__range]))"
                    " / (sum by (condition) (increase(relinkd_detection_seconds_count{@}[$__range])) > 0)",
                    "{{condition}}", now=True),
              unit="s", decimals=2, empty="No trouble in this range"),
    bar_gauge("Time to reconnect", """
              From the end of a connection of relinkd to the first answer on the next one: of all endpoints of
              these hosts, over this range. It is what a client that reconnects at once would see.""",
              query("sum(increase(relinkd_reconnect_seconds_sum{@}[$__range]))"
                    " / (sum(increase(relinkd_reconnect_seconds_count{@}[$__range])) > 0)", "mean", now=True),
              query("histogram_quantile(0.9, sum by (le) (increase(relinkd_reconnect_seconds_bucket{@}[$__range])))",
                    "90 %", now=True),
              unit="s", decimals=2, empty="No connection ended in this range"),
]

CONNECTIONS = [
    bars("Disconnects by cause", """
         relinkd's connections that ended, and why. half_open and idle_timeout: something in between forgets
         flows, turn on keepalive. killed, max_clients, output_buffer_limit: the server's limits. peer_closed
         and reset: why is not known.""",
         query(f"sum by (cause) (increase(relinkd_disconnects_total{{{E}}}[$__rate_interval])) > 0", "{{cause}}"),
         empty="No connection ended"),
    bars("Attempts to connect, by result", """
         ok follows every disconnect. Others in a row: relinkd, and with it the applications, cannot get
         back; the result says at which step.""",
         query(f"sum by (result) (increase(relinkd_reconnects_total{{{E}}}[$__rate_interval])) > 0", "{{result}}"),
         palette={"ok": "green"}, empty="Every connection held"),
]

FAILOVER = [
    bars("Failovers by kind", """
         How many hosts saw another primary. failover: the old one was lost. switchover: it was well, or
         maintenance was announced. dns: the name was moved. restart: the same place, another process.""",
         query(f"sum by (kind) (increase(relinkd_failovers_total{{{E}}}[$__rate_interval])) > 0", "{{kind}}"),
         palette=FAILOVER_KINDS, size=(8, 8), empty="The primary has not changed"),
    lines("How long the last one took", """
          Of the slowest and of the fastest host. Far apart: the hosts learn of it by different ways, such as
          DNS with a long TTL.""",
          query(f"max(relinkd_last_failover_duration_seconds{{{E}}} > 0)", "slowest host"),
          query(f"min(relinkd_last_failover_duration_seconds{{{E}}} > 0)", "fastest host"),
          unit="s", size=(8, 8), empty="The primary has not changed", palette={"slowest host": "orange", "fastest host": "green"}),
    table("Nodes", """
          What each node says that it is, and on how many hosts it can be used. Two primaries of an endpoint
          that is no cluster, for longer than a failover: a split brain; writes are being lost.""",
          [
              ("node", "Node", {"custom_minWidth": 150}),
              ("role", "Role", words_in_colour({"primary": "green", "replica": "blue", "unknown": "orange"})),
              ("Value #A", "Seen by", {"decimals": 0, "custom_width": 80}),
              ("Value #B", "Usable on", {"decimals": 0, "custom_width": 90}),
          ],
          f"sum by (node, role) (relinkd_node_role{{{E}}} == 1)",
          f"sum by (node) (relinkd_node_up{{{E}}})", size=(8, 8), sort="Role"),
    bars("Announced maintenance", """
         Notices of the service, by type, as each host heard them. Nothing is to be done: a failover that
         follows is counted as a switchover.""",
         query(f"sum by (type) (increase(relinkd_maintenance_events_total{{{E}}}[$__rate_interval])) > 0", "{{type}}"),
         size=(24, 6), empty="No maintenance was announced"),
]

DASHBOARD = dashboard(
    "relinkd-endpoint", "relinkd / Endpoint", """
    One Redis or Valkey service as hosts see it: its condition over time, round trips, why connections
    ended, failovers and how long they took, idle cuts, certificates.""",
    variables(variable(
        "endpoint", 'label_values(relinkd_endpoint_up{@}, endpoint)', "Endpoint", several=False,
    )),
    [
        *NOW,
        row("Condition"), *CONDITION,
        row("Latency"), *LATENCY,
        row("Connections"), *CONNECTIONS,
        row("Failovers"), *FAILOVER,
    ],
    [failovers(E), MAINTENANCE],
)
