# SPDX-License-Identifier: Apache-2.0
"""Sentinels name another primary: it is followed, measured, and told once."""

import dataclasses
import re
from collections.abc import Callable

import pytest
from collector import wait_until
from group import ReplicationGroup
from lab import endpoint

NAME = "orders"
WATCH = {"topology_interval": "1s", "backoff": {"initial": "100ms", "max": "1s"}}
# From the proof of the old primary to that of the new one: down-after, an election, a promotion.
# Only to tell seconds from milliseconds and from minutes.
LONGEST = 30.0


@dataclasses.dataclass(frozen=True)
class Change:
    """How the primary, which is on the first host, comes to be another one."""

    kind: str
    cause: Callable
    mend: Callable = lambda fabric, group: None


CHANGES = {
    "killed": Change(
        "failover",
        lambda fabric, group: group.servers[0].kill(),
        lambda fabric, group: group.servers[0].start(),
    ),
    "frozen": Change(
        "failover",
        lambda fabric, group: group.servers[0].freeze(),
        lambda fabric, group: group.servers[0].thaw(),
    ),
    "cut-off": Change(
        "failover",
        lambda fabric, group: fabric.isolate(group.hosts[0]),
        lambda fabric, group: fabric.repair(),
    ),
    "by-hand": Change("switchover", lambda fabric, group: group.sentinels[1].failover(group.name)),
}
EACH_CHANGE = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)


@pytest.fixture
def group(fabric):
    return ReplicationGroup(fabric)


@pytest.fixture
def watcher(fabric, group):
    return fabric.watch_until_ok(endpoint(NAME, group.url()), watch=WATCH)


def assert_followed(watcher, old, new, kind, mark):
    """What has to be told of one change, everywhere."""
    told = watcher.wait_event("failover", NAME, mark)
    print(f"{told.when:.3f}: {told.message}")
    # The whole story, in figures.
    assert kind in told.message
    assert old.host_port in told.message
    assert new.host_port in told.message
    assert re.search(r"took \d", told.message), told.message
    watcher.wait_primary(NAME, new.host_port)
    watcher.wait_probes(NAME, 1)

    status = watcher.endpoint(NAME)
    assert status["up"]
    assert not status["incident"]
    last = status["last_failover"]
    assert (last["kind"], last["from"], last["to"]) == (kind, old.host_port, new.host_port)
    assert not last["planned"]
    assert 0 < last["duration_seconds"] < LONGEST
    shown = watcher.relinkctl("status").stdout
    assert f"from {old.host_port} to {new.host_port}" in shown

    assert watcher.failovers(NAME) == {kind: 1}
    scrape = watcher.scrape()
    assert scrape.value("relinkd_failover_seconds_count", kind=kind) == 1
    took = scrape.value("relinkd_last_failover_duration_seconds", endpoint=NAME)
    assert took == pytest.approx(last["duration_seconds"], abs=0.01)
    at = scrape.value("relinkd_last_failover_timestamp_seconds", endpoint=NAME)
    assert at == pytest.approx(told.when, abs=1)
    assert scrape.value("relinkd_incidents_open", endpoint=NAME) == 0
    role = {"endpoint": NAME, "node": new.host_port, "role": "primary"}
    assert scrape.value("relinkd_node_role", **role) == 1


@EACH_CHANGE
def test_the_new_primary_is_followed_and_the_old_one_may_come_back(fabric, group, watcher, change):
    old = group.primary()
    # As an application that was connected before, and goes on being so.
    application = fabric.client.connect(old.address, old.port)
    # Accepted by the server and not only by its kernel, which would reset it when the server ends.
    application.sendall(b"PING\r\n")
    assert application.recv(100) == b"+PONG\r\n"
    mark, news = watcher.mark(), group.mark()
    change.cause(fabric, group)
    new = group.wait_switch(old, news).primary
    assert_followed(watcher, old, new, change.kind, mark)
    watcher.wait_former_primaries(NAME, {old.host_port: 1})

    quiet = watcher.mark()
    change.mend(fabric, group)
    group.wait_settled()
    assert old.follows(new)
    # Beyond the next looks at the topology.
    watcher.wait_probes(NAME, 4)
    assert watcher.failovers(NAME) == {change.kind: 1}
    assert [e for e in watcher.events.all(quiet) if e.event in ("failover", "primary_named")] == []
    assert watcher.course(NAME, quiet) == []
    watcher.wait_primary(NAME, new.host_port)
    watcher.wait_former_primaries(NAME, {old.host_port: 1})

    application.close()
    left = watcher.wait_event("former_left", NAME, mark)
    assert old.host_port in left.message


@EACH_CHANGE
def test_the_new_primary_is_followed_while_one_sentinel_is_dead(fabric, group, watcher, change):
    old = group.primary()
    group.sentinel_beside(old).kill()
    mark, news = watcher.mark(), group.mark()
    change.cause(fabric, group)
    new = group.wait_switch(old, news).primary
    assert_followed(watcher, old, new, change.kind, mark)
    assert watcher.endpoint(NAME)["confirmed"]


def test_a_switchover_is_no_outage(group, watcher):
    """The old primary was well all the time, and the new one is when it is named."""
    old = group.primary()
    mark, news = watcher.mark(), group.mark()
    group.sentinels[1].failover(group.name)
    new = group.wait_switch(old, news).primary
    watcher.wait_event("failover", NAME, mark)
    watcher.wait_primary(NAME, new.host_port)
    # Sentinel closes the connections of the one that becomes a replica, and relinkd asks it before
    # it hears of the new one, or after.
    assert set(watcher.course(NAME, mark)) <= {"peer_closed", "reset", "read_only", "ok"}


def test_one_failover_after_another_is_counted_each_time(fabric, group, watcher):
    for number, change in enumerate(["by-hand", "killed", "by-hand"], 1):
        old = group.primary()
        mark, news = watcher.mark(), group.mark()
        if change == "killed":
            old.kill()
        else:
            group.sentinels[1].failover(group.name)
        new = group.wait_switch(old, news).primary
        told = watcher.wait_event("failover", NAME, mark)
        assert new.host_port in told.message
        watcher.wait_primary(NAME, new.host_port)
        assert sum(watcher.failovers(NAME).values()) == number
        if change == "killed":
            old.start()
        group.wait_settled()
    assert watcher.failovers(NAME) == {"failover": 1, "switchover": 2}


def test_a_primary_that_restarts_before_anybody_acts_is_a_restart(group, watcher):
    mark = watcher.mark()
    group.servers[0].restart()
    watcher.wait_event("server_restarted", NAME, mark)
    watcher.wait_event("ok", NAME, mark)
    watcher.wait_probes(NAME, 3)
    assert watcher.failovers(NAME) == {"restart": 1}


# ------------------------------------------------------------------------------- what they publish


def sentinel_events(watcher, word, where, mark):
    return [
        e for e in watcher.events.all(mark)
        if e.event == "sentinel_event" and word in e.message and where in e.message
    ]


def wait_sentinel_event(watcher, word, where, mark):
    return watcher.events.wait(
        lambda e: e.event == "sentinel_event" and word in e.message and where in e.message,
        f"{word} of {where}", mark,
    )


def test_what_all_sentinels_publish_is_told_once(group, watcher):
    old = group.primary()
    mark, news = watcher.mark(), group.mark()
    old.kill()
    new = group.wait_switch(old, news).primary
    watcher.wait_event("failover", NAME, mark)
    group.wait_settled()
    # The third Sentinel's word is on its way at most that long.
    watcher.wait_probes(NAME, 2)
    for word in ("+odown", "+switch-master"):
        told = sentinel_events(watcher, word, old.address, mark)
        assert len(told) == 1, told
        assert told[0].endpoint == NAME
    # Once as the primary; and it is down as a replica of the new one, too.
    assert 1 <= len(sentinel_events(watcher, "+sdown", old.address, mark)) <= 2
    assert new.address in sentinel_events(watcher, "+switch-master", old.address, mark)[0].message


def test_a_replica_that_goes_and_comes_back_is_told(group, watcher):
    replica = group.servers[2]
    mark = watcher.mark()
    replica.kill()
    wait_sentinel_event(watcher, "+sdown", replica.address, mark)
    replica.start()
    wait_sentinel_event(watcher, "-sdown", replica.address, mark)
    # The primary is what counts.
    assert watcher.course(NAME, mark) == []
    assert watcher.failovers(NAME) == {}


def test_a_sentinel_in_tilt_is_told(group, watcher):
    stopped = group.sentinels[2]
    stopped.tune(tilt_trigger=500)
    mark, news = watcher.mark(), group.mark()
    stopped.freeze()
    group.wait_news("+sdown", "sentinel", news)
    stopped.thaw()
    wait_sentinel_event(watcher, "+tilt", stopped.address, mark)
    assert watcher.course(NAME, mark) == []


# ------------------------------------------------------------------------------------------ nodes


def test_replicas_are_watched_where_that_is_wanted(fabric, group):
    watcher = fabric.watch_until_ok(
        endpoint(NAME, group.url(), watch_replicas=True),
        endpoint("primary-only", group.url()),
        watch=WATCH,
    )
    primary, *replicas = group.servers
    for replica in replicas:
        watcher.wait_node(NAME, replica.host_port, part="replica", role="replica", condition="ok")
    assert watcher.nodes("primary-only").keys() == {primary.host_port}
    mark = watcher.mark()
    replicas[0].kill()
    watcher.wait_event("peer_closed", NAME, mark)

    def up() -> bool:
        # Its primary lists it no more, and it may be gone from here before it has refused.
        series = watcher.scrape().matching(
            "relinkd_node_up", endpoint=NAME, node=replicas[0].host_port)
        return any(series.values())

    wait_until(lambda: not up(), "end of the replica")
    assert watcher.endpoint(NAME)["up"]
    assert watcher.course(NAME, mark) == []
    # Who plays which part changes with a failover.
    replicas[0].start()
    group.wait_settled()
    news = group.mark()
    group.sentinels[0].failover(group.name)
    new = group.wait_switch(primary, news).primary
    watcher.wait_primary(NAME, new.host_port)
    watcher.wait_node(NAME, primary.host_port, part="replica", role="replica", condition="ok")


def test_the_status_says_how_the_primary_is_known(group, watcher):
    status = watcher.endpoint(NAME)
    assert status["topology"] == "sentinel"
    assert status["confirmed"]
    assert group.primary().host_port in status["topology_detail"]
    assert {s["node"] for s in status["sentinels"]} == {s.host_port for s in group.sentinels}
    assert {s["part"] for s in status["sentinels"]} == {"sentinel"}
    assert status["last_failover"] is None
    assert status["former_primaries"] == []
