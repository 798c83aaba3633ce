# SPDX-License-Identifier: Apache-2.0
"""Each word that a dashboard has a colour for, made to be true: conditions of endpoints, states of apps'
connections, kinds of failover, results of making an app reconnect, and reasons not to.

An endpoint that is to show a condition has its name. Those that a server only has for a moment are
played by scripted peers.
"""

from __future__ import annotations

import itertools
import socket
import struct
import time

from collector import wait_until
from fabric import Fabric
from faults import Faults, add_rules
from fleet import FleetPrometheus
from group import ReplicationGroup
from lab import app, endpoint
from peers import commands, http, replies
from relinks import Relinks
from story import WATCH

NAME = "catalog.test"


def says(line: bytes):
    """This to each command."""
    return replies(lambda request: line * max(1, request.count(b"*")))


def pings(answer):
    """A server that knows PING only, of which `answer` gets the number in its connection."""

    def serve(connection: socket.socket) -> None:
        numbers = itertools.count(1)
        commands(
            lambda words: answer(next(numbers)) if words[0] == "PING" else b"-ERR unknown command\r\n"
        )(connection)

    return serve


def late(number: int) -> bytes:
    time.sleep(0.3)
    return b"+PONG\r\n"


def forgetful(number: int) -> bytes | None:
    """The first answer is late, and after some there is none: as behind a proxy that has lost its other
    leg. A new connection is answered again."""
    time.sleep(1 if number == 1 else 0)
    return b"+PONG\r\n" if number <= 3 else None


def closing(connection: socket.socket) -> None:
    # All is read: the end is a FIN.
    connection.recv(65536)


def resetting(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


PLAYED = {
    "slow": pings(late),
    "unknown": replies(lambda request: None),
    "half_open": pings(forgetful),
    "peer_closed": closing,
    "reset": resetting,
    "not_redis": http,
    "master_down": says(b"-MASTERDOWN Link with MASTER is down\r\n"),
    "loading": says(b"-LOADING Redis is loading the dataset in memory\r\n"),
    "busy": says(b"-BUSY Redis is busy running a script.\r\n"),
}
# Until that time nothing is proven of one that never answers.
PATIENT = {"unknown": {"command_timeout": "1m"}}

FAULTY_RULE = """\
groups:
  - name: faulty
    rules:
      - alert: Faulty
        expr: relinkd_endpoint_condition * on (endpoint) relinkd_endpoint_condition
"""


class Gallery:
    def __init__(self, fabric: Fabric):
        self._fabric = fabric
        self.sessions = ReplicationGroup(fabric)
        self._host, self._far, name_host = (fabric.host() for _ in range(3))
        self._faults = Faults(fabric.client, self._host.namespace)
        self.cache = fabric.redis(self._host)
        self._stalled = fabric.redis(self._host, 6380)
        # Closes what is idle for a second.
        self._curt = fabric.redis(self._host, 6381, timeout=1)
        self._plain = fabric.redis(self._host, 6382)
        self._unreachable = fabric.redis(self._far)
        self._names = fabric.name_server(name_host)
        self._moved_to = fabric.redis(name_host)
        self._names.set_address(NAME, fabric.redis(fabric.host()).address)
        self.hosts = {"every-condition": self._watch_conditions(), **self._watch_for_apps()}
        self._applications()
        folder = fabric.make_folder("prometheus")
        faulty = folder / "faulty.yml"
        faulty.write_text(FAULTY_RULE)
        self.prometheus = FleetPrometheus(fabric.client, folder, {
            name: ":".join(map(str, host.metrics_address())) for name, host in self.hosts.items()
        }, [faulty])
        fabric.cleanup(self.prometheus.stop)
        self.prometheus.wait_scraped()
        self.start = time.time()

    # ---------------------------------------------------------------------------------- the hosts

    def _watch_conditions(self):
        fabric, host = self._fabric, self._host
        certificate = fabric.authority().issue("server", f"IP:{host.address}")
        encrypted = fabric.redis(host, 6383, tls=(fabric.authority(), certificate))
        closed = fabric.redis(host, 6384, password=fabric.secret())
        replica = fabric.redis(host, 6385, replicaof=f"{host.address} {self._plain.port}")
        wait_until(lambda: replica.follows(self._plain), "link of the replica")
        urls = {
            "ok": self._plain.url(),
            "refused": f"redis://{host.address}:6999",
            "dns_failed": "redis://nowhere.test",
            "unreachable": self._unreachable.url(),
            "local_fault": "redis://203.0.113.1",  # to which this host has no route
            "tls_failed": encrypted.url("rediss"),
            "auth_failed": closed.url(),
            "read_only": replica.url(),
            "stalled": self._stalled.url(),
        }
        for port, (name, script) in enumerate(PLAYED.items(), 7000):
            urls[name] = fabric.peer(host, script, port).url()
        moving = endpoint("catalog", f"redis://{NAME}:6379")
        every = [endpoint(name, url, **PATIENT.get(name, {})) for name, url in urls.items()]
        return fabric.watch(*every, moving, watch=WATCH, sample=False)

    def _watch_for_apps(self):
        cache = endpoint("cache", self.cache.url())
        sessions = endpoint("sessions", self.sessions.url())
        others = [
            endpoint(name, server.url()) for name, server in (
                ("stalled", self._stalled), ("curt", self._curt), ("unreachable", self._unreachable))
        ]

        def watch(*endpoints, apps, **options):
            return self._fabric.watch(*endpoints, watch=WATCH, sample=False, apps=apps, **options)

        return {
            "acting": watch(cache, sessions, *others, apps=[
                app("checkout", "cache", min_interval="1s", max_relinks_per_hour=1),
                app("worker", "cache", expect_connections=True, verify_within="1s"),
                app("mixed", "sessions", *(one["name"] for one in others)),
            ]),
            "observing": watch(cache, sessions, mode="observe", apps=[app("reports", "sessions", "cache")]),
            "unarmed": watch(cache, with_actuator=False, apps=[app("search", "cache")]),
            # Its actuator takes one order, and refuses the next.
            "limited": watch(cache, tables={"actuator": {"max_orders_per_minute": 1}},
                             apps=[app("mailer", "cache")]),
        }

    def _applications(self) -> None:
        apps = {
            name: self._fabric.application(f"{name}.service")
            for name in ("checkout", "worker", "reports", "search", "mailer", "mixed")
        }
        for name in ("checkout", "search", "mailer"):
            apps[name].to(self.cache).repeat("INCR", name)
        apps["worker"].to(self.cache).repeat("INCR", "worker", gives_up=True)
        seeds = [[one.address, one.port] for one in self.sessions.sentinels]
        group = {"seeds": seeds, "primary": self.sessions.name}
        apps["reports"].connect("primary", **group).repeat("GET", "a", pause=0.2)
        apps["reports"].to(self.cache).repeat("INCR", "reports")
        apps["mixed"].connect("replicas", **group).repeat("GET", "a", pause=0.2)
        [self._idle] = apps["mixed"].pool(self._curt, 1)
        [self._asking] = apps["mixed"].pool(self._stalled, 1)
        [self._lost] = apps["mixed"].pool(self._unreachable, 1)
        self._apps = apps

    def _relinks(self, host: str, name: str, to: str = "cache") -> Relinks:
        return Relinks(self.hosts[host], name, to)

    # ----------------------------------------------------------------------------------- the play

    def play(self) -> None:
        self._app_states()
        self._relink_results()
        self._failovers()
        self._held_by_hand()
        for name in self.hosts["every-condition"].scrape().endpoints():
            if name != "catalog":
                self._wait_condition(name)
        self.prometheus.wait_scraped(3)
        self.end = time.time()

    def _wait_condition(self, name: str) -> None:
        """Waits until Prometheus has seen the endpoint in the condition of its name."""
        query = f'max_over_time(relinkd_endpoint_condition{{endpoint="{name}", condition="{name}"}}[10m])'
        self.prometheus.wait_value(f"max({query})", 1)

    def _wait_state(self, host: str, name: str, to: str, state: str) -> None:
        relinks = self._relinks(host, name, to)
        wait_until(lambda: relinks.sockets().get(state), f"{state} connection of {name}")

    def _app_states(self) -> None:
        self._wait_state("acting", "mixed", "sessions", "replica")
        self._wait_state("acting", "mixed", "curt", "peer_closed")
        self.prometheus.wait_scraped()
        self._stalled.freeze()
        self._asking.call("PING")
        self._wait_state("acting", "mixed", "stalled", "stalled")
        add_rules(self._far.namespace, "tcp dport 6379 drop")
        self._lost.call("PING")
        self._apps["mixed"].to(self._unreachable).call("PING")
        for state in ("unproven", "connecting"):
            self._wait_state("acting", "mixed", "unreachable", state)
        self.prometheus.wait_scraped()

    def _cut(self, name: str) -> None:
        cut = self._apps[name]
        self._faults.cut_flows(6379, only=[one.local_port for one in cut.sockets()
                                           if one.remote == self.cache.host_port])

    def _relink_results(self) -> None:
        results = {("acting", "worker"): "not_recovered", ("observing", "reports"): "would",
                   ("unarmed", "search"): "no_actuator", ("limited", "mailer"): "recovered",
                   ("acting", "checkout"): "recovered"}
        for host, name in results:
            self._wait_state(host, name, "cache", "ok")
            self._cut(name)
        for (host, name), result in results.items():
            self._wait_result(host, name, result)
        self.prometheus.wait_scraped(2)  # as long as min_interval of checkout
        for name in ("mailer", "checkout"):
            self._cut(name)
        self._wait_result("limited", "mailer", "failed")
        wait_until(lambda: "breaker" in self._relinks("acting", "checkout").suppressed(), "open breaker")

    def _wait_result(self, host: str, name: str, result: str) -> None:
        wait_until(lambda: ("destroy-sockets", result) in self._relinks(host, name).counts(),
                   f"relink of {name} with the result {result}")

    def _failovers(self) -> None:
        watcher, group = self.hosts["observing"], self.sessions
        mark = watcher.mark()
        group.fail_over_gently(self._fabric)
        watcher.wait_event("failover", "sessions", mark)
        self._wait_state("observing", "reports", "sessions", "wrong_node")
        self.prometheus.wait_scraped()
        mark = watcher.mark()
        group.sentinels[0].failover(group.name)
        watcher.wait_event("failover", "sessions", mark)
        group.wait_settled()
        watcher = self.hosts["every-condition"]
        mark = watcher.mark()
        self._names.set_address(NAME, self._moved_to.address)
        watcher.wait_event("failover", "catalog", mark)
        self._plain.restart()
        watcher.wait_event("server_restarted", "ok", mark)

    def _held_by_hand(self) -> None:
        acting = self.hosts["acting"]
        mark = acting.mark()
        for sentinel in self.sessions.sentinels[1:]:
            sentinel.kill()
        acting.wait_event("topology_unconfirmed", "sessions", mark)
        acting.relinkctl("relink", "mixed")
        acting.relinkctl("pause")
        acting.relinkctl("relink", "worker")
        acting.relinkctl("relink", "mixed")
        reasons = self._relinks("acting", "mixed").suppressed().keys()
        assert reasons >= {"unhealthy", "unconfirmed", "paused"}, reasons
