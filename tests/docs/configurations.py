# SPDX-License-Identifier: Apache-2.0
"""Configurations around one key."""

ENDPOINTS = {
    "redis": '"redis://127.0.0.1:6379"',
    "rediss": '"rediss://127.0.0.1:6380"',
    "sentinel": '"redis-sentinel://127.0.0.1:26379#primary"',
    "cluster": '"redis-cluster://127.0.0.1:7000"',
}
NEEDED = {
    "endpoint": {"url": ENDPOINTS["redis"]},
    "app": {"name": '"shop"', "match": '{ unit = "shop.service" }', "endpoints": '["sessions"]'},
}
# What makes sense only beside other keys.
BESIDE = {
    "endpoint.tls": {"url": ENDPOINTS["rediss"]},
    "endpoint.sentinel": {"url": ENDPOINTS["sentinel"], "tls": "{}"},
    "endpoint.cluster_relink": {"url": ENDPOINTS["cluster"]},
    "endpoint.tls.cert_file": {"url": ENDPOINTS["rediss"], "tls.key_file": '"/key"'},
    "endpoint.tls.key_file": {"url": ENDPOINTS["rediss"], "tls.cert_file": '"/cert"'},
    "endpoint.sentinel.user": {
        "url": ENDPOINTS["sentinel"],
        "sentinel.password": '{ file = "/password" }',
    },
    "metrics.tls.cert_file": {"tls.key_file": '"/key"'},
    "metrics.tls.key_file": {"tls.cert_file": '"/cert"'},
    "metrics.tls.client_ca_file": {"tls.cert_file": '"/cert"', "tls.key_file": '"/key"'},
}


def configuration(table: str, key: str, value: str) -> str:
    """A file in which that key has that value, and whatever else it takes."""
    wanted = dict(NEEDED.get(table, {}))
    for name, also in BESIDE.items():
        if f"{table}.{key}".startswith(name):
            wanted |= also
    wanted = {k: v for k, v in wanted.items() if not k.startswith(f"{key}.")} | {key: value}
    if key.startswith("match."):
        del wanted["match"]
    lines = [f"{k} = {v}" for k, v in wanted.items()]
    if table in ("endpoint", "app"):
        lines.insert(0, f"[[{table}]]")
    elif table:
        lines.insert(0, f"[{table}]")
    if table == "app":
        # All that examples name.
        lines += [f'[[endpoint]]\nname = "{n}"\nurl = {ENDPOINTS["redis"]}'
                  for n in ("sessions", "orders")]
    return "\n".join(lines) + "\n"
