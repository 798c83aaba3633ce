# SPDX-License-Identifier: Apache-2.0
"""The colours of relinkd's words: the same on every dashboard. Near colours are near causes: purple
is this host, red the path, orange the server, blue the settings."""

CONDITIONS = {
    "ok": "green",
    "slow": "yellow",
    "unknown": "#8e8e8e",
    "local_fault": "purple",
    "dns_failed": "blue",
    "refused": "dark-orange",
    "unreachable": "dark-red",
    "half_open": "red",
    "peer_closed": "light-orange",
    "reset": "semi-dark-orange",
    "tls_failed": "light-blue",
    "not_redis": "dark-blue",
    "auth_failed": "super-light-blue",
    "stalled": "orange",
    "master_down": "#b877d9",
    "loading": "light-yellow",
    "busy": "dark-yellow",
    "read_only": "#ff7383",
}

SOCKET_STATES = {
    "ok": "green",
    "replica": "light-green",
    "unproven": "#8e8e8e",
    "connecting": "blue",
    "peer_closed": "yellow",
    "stalled": "orange",
    "wrong_node": "#ff7383",
    "black_holed": "dark-red",
}

FAILOVER_KINDS = {"failover": "red", "switchover": "blue", "dns": "purple", "restart": "orange"}

RELINK_RESULTS = {
    "recovered": "green",
    "would": "blue",
    "not_recovered": "orange",
    "failed": "red",
    "no_actuator": "purple",
}
