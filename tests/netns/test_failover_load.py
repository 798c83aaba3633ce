# SPDX-License-Identifier: Apache-2.0
"""Failovers again and again: each is counted, and nothing is left of them."""

import itertools

import pytest
from cluster import Cluster
from fabric import Fabric
from lab import endpoint
from network import LINK
from watcher import wait_until

NAME = "sessions"
HOST = "redis.test"
PORT = 6379
FAILOVERS = 50
# After that many everything has been allocated that is needed once.
WARM = 10
# What the daemon may grow by from then on, in KiB of RSS: it keeps the last events. One connection
# with its buffers that is left each time is more.
GROWTH = 512
WATCH = {
    "topology_interval": "1s",
    "ping_interval": "200ms",
    "backoff": {"initial": "100ms", "max": "1s"},
    "idle_watch": "off",
}


def label_sets(watcher):
    """How many series there are."""
    scrape = watcher.scrape()
    return sum(len(scrape.series(name)) for name in scrape.names())


class Growth:
    """What relinkd takes after some failovers, and after many."""

    def __init__(self, watcher):
        self._watcher = watcher
        self._descriptors = watcher.descriptors()
        self._series = label_sets(watcher)
        self._memory = watcher.memory_kib("VmRSS")

    def assert_none(self):
        watcher = self._watcher
        # A connection that is being left may be open for a moment.
        wait_until(lambda: watcher.descriptors() <= self._descriptors, "end of all it has opened")
        wait_until(lambda: label_sets(watcher) == self._series, "end of old nodes' series")
        grown = watcher.memory_kib("VmRSS") - self._memory
        print(f"RSS grew by {grown} KiB over {FAILOVERS - WARM} failovers")
        assert grown <= GROWTH


def repeat(watcher, kind, fail_over):
    """`fail_over` makes one failover and returns the new primary's host:port."""
    growth = None
    for number in range(1, FAILOVERS + 1):
        mark = watcher.mark()
        new = fail_over()
        told = watcher.wait_event("failover", NAME, mark)
        assert new in told.message
        if number == WARM:
            growth = Growth(watcher)
    assert watcher.failovers(NAME) == {kind: FAILOVERS}
    assert sum(e.event == "failover" for e in watcher.events.all()) == FAILOVERS
    growth.assert_none()
    assert watcher.scrape().value("relinkd_failover_seconds_count", kind=kind) == FAILOVERS
    assert watcher.scrape().value("relinkd_incidents_open", endpoint=NAME) == 0


@pytest.fixture
def addresses(fabric: Fabric):
    """As many as there are moves, in turn on two hosts with a server each: one that comes back soon
    would be in rotation."""
    hosts = [fabric.host(), fabric.host()]
    given = [f"198.18.0.{100 + number}" for number in range(FAILOVERS + 1)]
    for address, host in zip(given, itertools.cycle(hosts)):
        host.namespace.run("ip", "address", "add", f"{address}/24", "dev", LINK)
    for host in hosts:
        fabric.redis(host, bind="0.0.0.0")
    return given


def test_fifty_moves_of_a_name_are_counted_and_leave_nothing(fabric, addresses):
    names = fabric.name_server(fabric.host())
    first, *others = addresses
    names.set_address(HOST, first, ttl=1)
    watcher = fabric.watch_until_ok(endpoint(NAME, f"redis://{HOST}:{PORT}"), watch=WATCH)
    following = iter(others)

    def move():
        address = next(following)
        names.set_address(HOST, address, ttl=1)
        return f"{address}:{PORT}"

    repeat(watcher, "dns", move)


def test_fifty_switchovers_in_a_cluster_are_counted_and_leave_nothing(fabric):
    cluster = Cluster(fabric)
    watcher = fabric.watch_until_ok(endpoint(NAME, cluster.url()), watch=WATCH)
    # Shard by shard, to the replicas and back.
    turns = itertools.cycle([*map(cluster.replica_of, cluster.nodes[:3]), *cluster.nodes[:3]])

    def switch():
        node = next(turns)
        cluster.wait_settled()
        cluster.failover(node)
        cluster.wait_primary(node)
        return node.host_port

    repeat(watcher, "switchover", switch)
