# SPDX-License-Identifier: Apache-2.0
"""All hosts: what is in trouble now, and where to look. Panels count or show the worst few, so that
they are as readable with 1,000 hosts as with three."""

from grafana import (
    NEUTRAL, NONE_IS_BETTER, NONE_IS_WELL, annotation, areas, bar_gauge, bars, dashboard, link_to, query,
    row, stat, table, thresholds, variables, words_in_colour,
)
from words import CONDITIONS, RELINK_RESULTS, SOCKET_STATES

DAY = 86400

ENDPOINT = "relinkd-endpoint"
APP = "relinkd-app"


def failovers(matchers: str = "@") -> dict:
    return annotation(
        "Failovers", f"max by (endpoint) (relinkd_last_failover_timestamp_seconds{{{matchers}}}) * 1000 > 0",
        "{{endpoint}}: another primary", "The new primary of {{endpoint}} proved itself.", "red", at_value=True,
    )


def relinks(matchers: str = "@") -> dict:
    return annotation(
        "Relinks",
        f"sum by (app, result) (increase(relinkd_relinks_total{{{matchers}}}[$__rate_interval])) > 0",
        "{{app}}: {{result}}", "relinkd made {{app}} reconnect: {{result}}.", "blue", at_value=False,
    )


NOW = [
    stat("Hosts watching", """
         Hosts whose relinkd answers Prometheus. Fewer than you have: look at "Hosts silent", and at the
         targets that Prometheus has.""",
         "count(relinkd_build_info{@})", empty="0"),
    stat("Hosts silent", """
         Targets that Prometheus cannot reach, of jobs that have a relinkd. Nobody watches there, and all
         other numbers leave these hosts out. On the host: systemctl status relinkd.""",
         "count((up{@} == 0) and on (job) relinkd_build_info{@}) or vector(0)", limits=NONE_IS_WELL),
    stat("Endpoints down", """
         Endpoints that at least one host cannot use. The table below says which, and in what
         condition.""",
         "count(count by (endpoint) (relinkd_endpoint_up{@} == 0)) or vector(0)", limits=NONE_IS_WELL),
    stat("Old primary", """
         Connections of applications that lead to a node which was the primary and is not any more. relinkd
         ends them within seconds: if they stay, "Apps in trouble" says whose they are, and the App
         dashboard why nothing was done.""",
         'sum(relinkd_app_sockets{@, state="wrong_node"})', limits=NONE_IS_WELL, empty="no apps"),
    stat("Dead", """
         Connections of applications whose data nobody acknowledges while the node is well. Commands on them
         hang. relinkd ends them at once: if they stay, look at the App dashboard.""",
         'sum(relinkd_app_sockets{@, state="black_holed"})', limits=NONE_IS_WELL, empty="no apps"),
    stat("Breakers open", """
         Apps, on each host, for which relinkd has stopped acting, since reconnecting did not help. Find
         the cause, then: relinkctl reset APP.""",
         "sum(relinkd_relink_breaker_open{@})", limits=NONE_IS_WELL, empty="no apps"),
    stat("Unprotected", """
         Connections that no keepalive timer looks after: a cut while they are idle is noticed by the next
         command, which hangs. Nothing is wrong now; turn on keepalive in the client.""",
         "sum(relinkd_app_unprotected_sockets{@})", limits=NONE_IS_BETTER, empty="no apps"),
    stat("Sysctls adrift", """
         Hosts on which a wanted sysctl has another value. relinkctl sysctl check says what it means in
         seconds, and which file sets it.""",
         "count(count by (instance) (relinkd_sysctl_ok{@} == 0)) or vector(0)", limits=NONE_IS_BETTER),
]

ENDPOINTS = [
    table("Endpoints in trouble", """
          On how many hosts an endpoint is in which condition now, without ok and slow. On all hosts: it is
          the server or its network. On one: it is that host. relinkctl explain CONDITION says what was
          seen and what to do. A click leads to the endpoint.""",
          [
              ("endpoint", "Endpoint", link_to(ENDPOINT, "Open the endpoint", endpoint="Endpoint")),
              ("condition", "Condition", words_in_colour(CONDITIONS)),
              ("Value", "Hosts", {"decimals": 0, "custom_width": 90}),
          ],
          'sum by (endpoint, condition) (endpoint:relinkd_endpoint_condition:held{@, condition!~"ok|slow"})',
          size=(10, 8), empty="Every endpoint is ok on every host", sort="Hosts"),
    areas("Hosts by condition", """
          On how many hosts, summed over endpoints, something is not ok. A step that all hosts take
          together is a server's; a lone one is a host's. It is read from the recording rule
          endpoint:relinkd_endpoint_condition:held.""",
          query('sum by (condition) (endpoint:relinkd_endpoint_condition:held{@, condition!="ok"})',
                "{{condition}}"),
          size=(14, 8), palette=CONDITIONS, empty="Every endpoint was ok on every host"),
    bars("Failovers seen, by endpoint", """
         How many hosts saw another primary prove itself, within the last few scrapes. All hosts of an
         endpoint should see it together: a host that is missing, or late, still talks to the old one.
         More than two an hour: see the server's log, and the time-outs of Sentinel or cluster.""",
         query("""sum by (endpoint) (changes(relinkd_last_failover_timestamp_seconds{@}[$__rate_interval])
               and relinkd_last_failover_timestamp_seconds{@} > 0) > 0""", "{{endpoint}}"),
         size=(14, 8), empty="No endpoint has had another primary"),
    table("Failovers", """
          The last failover of each endpoint, and how long the slowest host was without a proven primary.
          Longer than the applications' patience: shorten the time-outs of Sentinel or cluster, not
          relinkd's.""",
          [
              ("endpoint", "Endpoint", link_to(ENDPOINT, "Open the endpoint", endpoint="Endpoint")),
              ("Value #A", "Last", {"unit": "dateTimeFromNow"}),
              ("Value #B", "Took at most", {"unit": "s", "decimals": 1}),
              ("Value #C", "In this range", {"decimals": 0}),
          ],
          "max by (endpoint) (relinkd_last_failover_timestamp_seconds{@} > 0) * 1000",
          "max by (endpoint) (relinkd_last_failover_duration_seconds{@} > 0)",
          """round(max by (endpoint) (sum by (instance, endpoint) (increase(relinkd_failovers_total{@}[$__range]))))
          and on (endpoint) max by (endpoint) (relinkd_last_failover_timestamp_seconds{@}) > 0""",
          size=(10, 8), empty="No endpoint has had another primary", sort="Last"),
]

APPS = [
    table("Apps in trouble", """
          Connections that relinkd would end or has not ended yet, by app and state, on all hosts. Those that
          stay for more than a minute have a reason: a click leads to the app.""",
          [
              ("app", "App", link_to(APP, "Open the app", app="App")),
              ("endpoint", "Endpoint", {}),
              ("state", "State", words_in_colour(SOCKET_STATES)),
              ("Value", "Connections", {"decimals": 0}),
          ],
          'sum by (app, endpoint, state) (relinkd_app_sockets{@, state=~"wrong_node|black_holed|stalled"}) > 0',
          size=(10, 8), empty="No app has a bad connection", sort="Connections"),
    bars("Relinks by result", """
         Apps made to reconnect, on all hosts. recovered is good news. would: mode is observe, nothing was
         done. not_recovered, failed and no_actuator need somebody: see OPERATIONS.md, "Relink failed or
         suppressed".""",
         query("sum by (result) (increase(relinkd_relinks_total{@}[$__rate_interval])) > 0", "{{result}}"),
         size=(14, 8), palette=RELINK_RESULTS, empty="No app was made to reconnect"),
]

PROTECTION = [
    bar_gauge("Hosts by give-up time", """
              After how many seconds the kernel ends a connection whose data nobody acknowledges, and on how
              many hosts. 939 s is Linux' default. More than a minute: set net.ipv4.tcp_retries2 = 5, or a
              command time-out in every client.""",
              query('count_values("seconds", round(relinkd_tcp_give_up_seconds{@}))', "{{seconds}} s", now=True),
              limits=NEUTRAL, decimals=0),
    bar_gauge("Unprotected, worst apps", """
              The ten apps with the most connections that no keepalive timer looks after. Turn on keepalive
              in their client, with an idle time clearly below the age of "Idle cuts".""",
              query("topk(10, sum by (app) (relinkd_app_unprotected_sockets{@}))", "{{app}}", now=True),
              limits=NONE_IS_BETTER, decimals=0, empty="No app is configured"),
    bar_gauge("Idle cuts", """
              The shortest age at which idle connections to an endpoint were found cut, by the server or by
              something in between. Empty is good. Keepalive in the clients must be more frequent.""",
              query("min by (endpoint) (relinkd_idle_cut_seconds{@} > 0)", "{{endpoint}}", now=True),
              unit="s", limits=thresholds((None, "orange")), empty="No path cuts idle connections"),
    bar_gauge("Certificates end in", """
              The ten endpoints whose certificate, or one above it, ends first. From then on clients that
              verify cannot connect, while open connections go on: failures begin scattered. Renew it, and
              have the server load it.""",
              query("bottomk(10, min by (endpoint) (relinkd_tls_certificate_expiry_timestamp_seconds{@})"
                    " - time())", "{{endpoint}}", now=True),
              unit="s", limits=thresholds((None, "red"), (14 * DAY, "orange"), (30 * DAY, "green")), decimals=1,
              empty="No endpoint speaks TLS"),
    table("Hosts to look at", """
          Hosts with a wanted sysctl that has another value, or will have one after a reboot, or with a
          configuration on disk that is not in force. On the host: relinkctl sysctl check, relinkctl config check.""",
          [("instance", "Host", {}), ("key", "Not as it should be", {})],
          """relinkd_sysctl_ok{@} == 0 or relinkd_sysctl_persistent{@} == 0
          or label_replace(relinkd_config_last_reload_successful{@} == 0, "key", "configuration file", "", "")""",
          size=(16, 8), empty="Every host is as it should be"),
    bar_gauge("Versions", """
              relinkd's versions, and on how many hosts each runs. More than one: an update is under way, or
              got stuck.""",
              query("count by (version) (relinkd_build_info{@})", "{{version}}", now=True), size=(8, 8),
              decimals=0),
]

DASHBOARD = dashboard(
    "relinkd-fleet", "relinkd / Fleet", """
    Redis and Valkey connections on all hosts: what is in trouble now, who changed the primary, which
    applications still lead to the old one, and which hosts are unprotected.""",
    variables(),
    [
        *NOW,
        row("Endpoints"), *ENDPOINTS,
        row("Applications"), *APPS,
        row("Protection"), *PROTECTION,
    ],
    [failovers(), relinks()],
)
