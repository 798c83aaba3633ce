# SPDX-License-Identifier: Apache-2.0
"""A bad day of a small fleet: four hosts with relinkd, four services, and all that happens to them.

What the dashboards show is made to happen here, by real faults. Each step waits for relinkd's own word
that it happened. `pause` scrapes lie between the steps: more make pictures that are easier to read.

web-1 acts for its apps, web-2 only observes, web-3 has no actuator, web-4 dies. All are in one network
namespace and so see the same connections, each those of its own apps.
"""

from __future__ import annotations

import contextlib
import time

from application import APP_UID
from collector import wait_until
from fabric import Fabric
from faults import Faults
from fleet import FleetPrometheus
from group import ReplicationGroup
from lab import app, endpoint
from relinks import Relinks

RETRIES = "net.ipv4.tcp_retries2"
CATALOG = "catalog.test"
MAINTENANCE = "AzureRedisEvents"
KEEPALIVE = {"socket_keepalive": True, "socket_keepalive_options": {4: 5, 5: 1, 6: 3}}
# Short enough for a story of a minute.
WATCH = {
    "topology_interval": "1s", "idle_watch": {"ages": ["1s", "5s"]},
    "backoff": {"initial": "100ms", "max": "1s"},
}


class Story:
    def __init__(self, fabric: Fabric, pause: int = 2):
        self._fabric = fabric
        # Prefix of commands on the host of Prometheus.
        self.command = fabric.client.command()
        self._pause = pause
        self._servers()
        self._hosts()
        self._apps()
        self.prometheus = FleetPrometheus(fabric.client, fabric.make_folder("prometheus"), {
            name: ":".join(map(str, host.metrics_address())) for name, host in self.hosts.items()
        })
        fabric.cleanup(self.prometheus.stop)
        self.prometheus.wait_scraped()
        self.start = time.time()

    # -------------------------------------------------------------------------------- the stage

    def _servers(self) -> None:
        fabric = self._fabric
        self.sessions = ReplicationGroup(fabric)
        cache, payments, first, second = (fabric.host() for _ in range(4))
        self.cache = fabric.redis(cache)
        self._cache_faults = Faults(fabric.client, cache.namespace)
        authority = fabric.authority()
        certificate = authority.issue("payments", f"IP:{payments.address}", days=20)
        # Closes what is idle for longer, as many servers are told to.
        self.payments = fabric.redis(payments, tls=(authority, certificate), timeout=3)
        self._authority = authority
        self._old_catalog, self._new_catalog = fabric.redis(first), fabric.redis(second)
        self._catalog_faults = Faults(fabric.client, second.namespace)
        self._names = fabric.name_server(first)
        self._names.set_address(CATALOG, self._old_catalog.address)

    def _hosts(self) -> None:
        fabric = self._fabric
        fabric.client.set_sysctl(RETRIES, 5)
        sessions = endpoint("sessions", self.sessions.url())
        cache = endpoint("cache", self.cache.url())
        payments = endpoint("payments", self.payments.url("rediss"), tls={"ca_file": self._authority.ca_file})
        catalog = endpoint("catalog", f"redis://{CATALOG}:6379", announcements=True)
        wanted = {"sysctl": {"check_interval": "1s", "want": {RETRIES: 5}}}
        options = {"watch": WATCH, "sample": False}

        def watch(*endpoints, **more):
            return fabric.watch(*endpoints, **options, **more)

        self.hosts = {
            "web-1": watch(sessions, cache, payments, catalog, tables=wanted, apps=[
                app("checkout", "sessions", "cache", min_interval="5s"),
                app("billing", "cache"),
            ]),
            "web-2": watch(sessions, cache, catalog, tables=wanted, mode="observe",
                           apps=[app("reports", "sessions")]),
            "web-3": watch(sessions, cache, catalog, with_actuator=False,
                           apps=[app("search", "sessions"), app("mailer", "catalog")]),
            "web-4": watch(cache),
        }
        for host in self.hosts.values():
            for name in host.scrape().endpoints():
                host.wait_event("ok", name)

    def _apps(self) -> None:
        fabric = self._fabric
        self._checkout = fabric.application("checkout.service")
        self._busy = self._checkout.to(self.cache, **KEEPALIVE).repeat("INCR", "a")
        self._checkout.pool(self.cache, 6)
        self._primary(self._checkout, fill=4)
        self._billing = fabric.application("billing.service", uid=APP_UID + 1)
        self._invoices = self._billing.to(self.cache).repeat("INCR", "b")
        for name in ("reports", "search"):
            self._primary(fabric.application(f"{name}.service"), fill=3)
        # A container of the same unit.
        fabric.application("checkout.service", namespace=fabric.host().namespace)

    def _primary(self, application, fill: int) -> None:
        """A client that follows the Sentinels, and reads: nothing tells it of a demotion."""
        seeds = [[one.address, one.port] for one in self.sessions.sentinels]
        client = application.connect("primary", seeds=seeds, primary=self.sessions.name)
        client.repeat("GET", "a", pause=0.2)
        client.fill(fill)

    # --------------------------------------------------------------------------------- the play

    @contextlib.contextmanager
    def _step(self, what: str):
        print(f"{time.time() - self.start:6.1f} s  {what}")
        yield
        self.prometheus.wait_scraped(self._pause)

    def play(self) -> None:
        web1, web2, web3 = (self.hosts[f"web-{n}"] for n in (1, 2, 3))
        checkout, billing = Relinks(web1, "checkout", "cache"), Relinks(web1, "billing", "cache")
        # To cache one that is busy and six that are idle; the others lead to sessions.
        wait_until(lambda: sum(checkout.sockets().values()) == 7, "census of checkout's connections")
        self.prometheus.wait_scraped(self._pause)

        with self._step("a middlebox forgets checkout's connections to cache"):
            mark = web1.mark()
            self._cache_faults.cut_flows(6379, only=self._checkout.ports())
            checkout.wait_recovered(mark)
            self._busy.wait_success(begun_after=time.monotonic())
        with self._step("and all of relinkd's own"):
            self._cache_faults.repair()
            mark = web1.mark()
            apps = {*self._checkout.ports(), *self._billing.ports()}
            self._cache_faults.cut_flows(
                6379, only=[port for port in self._cache_faults.flows(6379) if port not in apps]
            )
            web1.wait_event("half_open", "cache", mark)
            web1.wait_event("ok", "cache", mark)
            self._cache_faults.repair()
        with self._step("the primary of sessions is cut off, and comes back as a replica"):
            marks = [one.mark() for one in (web1, web2, web3)]
            self.sessions.fail_over_gently(self._fabric)
            for host, mark in zip((web1, web2, web3), marks):
                host.wait_event("failover", "sessions", mark)
            Relinks(web1, "checkout", "sessions").wait_recovered(marks[0])
            self._wait_result(web2, "reports", "would")
            self._wait_result(web3, "search", "no_actuator")
        with self._step("the host of sessions' new primary loses its power"):
            marks = [one.mark() for one in (web1, web2)]
            lost = self.sessions.primary()
            self._fabric.isolate(self.sessions.host_of(lost))
            for host, mark in zip((web1, web2), marks):
                host.wait_event("failover", "sessions", mark)
            web1.wait_event("relink_recovered", since=marks[0], app="checkout")
        self.failed_over = time.time()
        with self._step("large packets of billing are lost on the way"):
            self._cache_faults.drop_data_of_user(APP_UID + 1, 6379)
            billing.wait("breaker_opened")
            wait_until(lambda: "breaker" in billing.suppressed(), "relink that the breaker holds back")
        with self._step("maintenance of catalog is announced, and its name moves"):
            mark = web1.mark()
            notice = "NotificationType|NodeMaintenanceStarting|StartTimeInUTC|2026-01-01T00:00:00|IsReplica|False"
            wait_until(lambda: self._old_catalog.client().publish(MAINTENANCE, notice) > 0, "subscriber")
            web1.wait_event("maintenance", "catalog", mark)
            self._names.set_address(CATALOG, self._new_catalog.address)
            moved = web1.wait_event("failover", "catalog", mark)
            print(f"          {moved.message}")
        with self._step("cache restarts"):
            self._cache_faults.repair()
            marks = [one.mark() for one in (web1, web2)]
            self.cache.kill()
            web1.wait_event("refused", "cache", marks[0])
            self.prometheus.wait_scraped(self._pause)
            self.cache.start()
            for host, mark in zip((web1, web2), marks):
                host.wait_event("ok", "cache", mark)
        with self._step("somebody sets tcp_retries2 back, and saves a bad configuration on web-2"):
            self._fabric.client.set_sysctl(RETRIES, 15)
            web2.write_config("mode = \"perhaps\"\n")
            assert web2.relinkctl("reload").returncode != 0
        with self._step("a middlebox forgets mailer's connection to catalog"):
            mailer = self._fabric.application("mailer.service")
            mailer.to(self._new_catalog).repeat("INCR", "a")
            relinks = Relinks(web3, "mailer", "catalog")
            relinks.wait_seen(mailer)
            self._catalog_faults.cut_flows(6379, only=mailer.ports())
            wait_until(lambda: relinks.sockets() == {"black_holed": 1}, "dead connection of mailer")
        with self._step("web-4 dies"):
            self.hosts["web-4"].kill()
        with self._step("cache hangs"):
            mark = web1.mark()
            self.cache.freeze()
            web1.wait_event("stalled", "cache", mark)
            web2.wait_event("stalled", "cache")
        self.prometheus.wait_scraped(4)
        self.end = time.time()

    @staticmethod
    def _wait_result(host, app_name: str, result: str) -> None:
        def counted() -> bool:
            return any(found == result for _, found in Relinks(host, app_name, "sessions").counts())

        wait_until(counted, f"relink of {app_name} with the result {result}")
