# SPDX-License-Identifier: Apache-2.0
"""A name that leads to another primary: followed, counted when that one has proven itself, and the
old address remembered for as long as anybody on this host is connected to it."""

import datetime

import pytest
from lab import Lab, endpoint
from watcher import wait_until

NAME = "sessions"
HOST = "redis.test"
URL = f"redis://{HOST}:6379"
PORT = 6379
TTL = 2
WATCH = {"topology_interval": "1s", "backoff": {"initial": "100ms", "max": "1s"}}


@pytest.fixture
def names(lab):
    server = lab.name_server()
    server.set_address(HOST, Lab.address, ttl=TTL)
    return server


@pytest.fixture
def servers(lab):
    """As if on two hosts: each speaks from its own address."""
    return [
        lab.redis(address, bind_source_addr=address, repl_diskless_sync_delay=0)
        for address in (Lab.address, Lab.other_address)
    ]


@pytest.fixture
def watcher(lab, names, servers):
    return lab.watch_until_ok(endpoint(NAME, URL), watch=WATCH)


def node(address):
    return f"{address}:{PORT}"


def move(names, *addresses):
    names.set_address(HOST, *addresses, ttl=TTL)


def count_events(watcher, kind, mark=0):
    return sum(e.event == kind and e.endpoint == NAME for e in watcher.events.all(mark))


def replicate(primary, replica):
    replica.client().replicaof(primary.address, PORT)
    wait_until(lambda: replica.follows(primary), "link of the replica")


# ------------------------------------------------------------------------------------------- moves


def test_a_name_that_moves_while_the_old_primary_lives_is_followed(watcher, names, servers):
    old, new = servers
    mark = watcher.mark()
    move(names, Lab.other_address)
    changed = watcher.wait_event("dns_changed", NAME, mark)
    told = watcher.wait_event("failover", NAME, mark)
    print(f"{told.when - changed.when:.3f} s after the change was seen: {told.message}")
    watcher.wait_primary(NAME, new.host_port)
    assert watcher.failovers(NAME) == {"dns": 1}
    last = watcher.endpoint(NAME)["last_failover"]
    assert (last["kind"], last["from"], last["to"]) == ("dns", old.host_port, new.host_port)
    # Nobody was lost: it is no outage, and nothing broke.
    assert watcher.course(NAME, mark) == []
    assert watcher.disconnects(NAME).keys() <= {"moved"}
    scrape = watcher.scrape()
    assert scrape.value("relinkd_failover_seconds_count", kind="dns") == 1
    assert scrape.value("relinkd_dns_changes_total", endpoint=NAME) == 1


def test_a_name_that_moves_after_the_old_primary_died_is_followed(watcher, names, servers):
    old, new = servers
    mark = watcher.mark()
    old.kill()
    watcher.wait_event("refused", NAME, mark)
    move(names, Lab.other_address)
    watcher.wait_event("failover", NAME, mark)
    watcher.wait_event("ok", NAME, mark)
    assert watcher.failovers(NAME) == {"dns": 1}


def test_a_move_is_counted_only_when_the_new_address_proves_itself_primary(watcher, names, servers):
    old, new = servers
    replicate(old, new)
    mark = watcher.mark()
    move(names, Lab.other_address)
    # The name came first, as it may: the node is still a replica.
    watcher.wait_event("dns_changed", NAME, mark)
    watcher.wait_event("read_only", NAME, mark)
    watcher.wait_probes(NAME, 2)
    assert watcher.failovers(NAME) == {}
    assert count_events(watcher, "failover") == 0
    new.client().replicaof("NO", "ONE")
    watcher.wait_event("failover", NAME, mark)
    watcher.wait_event("ok", NAME, mark)
    assert watcher.failovers(NAME) == {"dns": 1}


def test_a_move_to_an_address_where_nobody_answers_is_not_counted(lab, watcher, names):
    mark = watcher.mark()
    move(names, Lab.third_address)
    watcher.wait_event("dns_changed", NAME, mark)
    watcher.wait_event("refused", NAME, mark)
    assert watcher.failovers(NAME) == {}
    # And back: it is the same primary as before.
    move(names, Lab.address)
    watcher.wait_event("ok", NAME, mark)
    watcher.wait_probes(NAME, 2)
    assert watcher.failovers(NAME) == {}


def test_a_name_that_moves_twice_is_counted_twice(lab, watcher, names, servers):
    third = lab.redis(Lab.third_address)
    for address in (Lab.other_address, Lab.third_address):
        mark = watcher.mark()
        move(names, address)
        told = watcher.wait_event("failover", NAME, mark)
        assert node(address) in told.message
        watcher.wait_primary(NAME, node(address))
    assert watcher.failovers(NAME) == {"dns": 2}
    assert third.watchers()


# ------------------------------------------------------------------------------- several addresses


def test_of_several_addresses_in_an_answer_the_primary_is_followed(lab, names, servers):
    """As with a round-robin name over a primary and a replica."""
    old, new = servers
    replicate(old, new)
    move(names, Lab.address, Lab.other_address)
    watcher = lab.watch_until_ok(endpoint(NAME, URL), watch=WATCH)
    watcher.wait_primary(NAME, old.host_port)
    mark = watcher.mark()
    old.kill()
    new.client().replicaof("NO", "ONE")
    told = watcher.wait_event("failover", NAME, mark)
    assert new.host_port in told.message
    watcher.wait_primary(NAME, new.host_port)
    # The name did not move.
    assert watcher.failovers(NAME) == {"failover": 1}
    assert count_events(watcher, "dns_changed") == 0


def test_addresses_in_rotation_all_belong_to_the_endpoint(watcher, names, servers):
    """One address at a time, in turn, as some name servers answer: that is no failover."""
    mark = watcher.mark()
    for address in (Lab.other_address, Lab.address):
        seen = watcher.mark()
        move(names, address)
        watcher.wait_event("dns_changed", NAME, seen)
    watcher.wait_probes(NAME, 2)
    # The first move looked like any; from here on the name is known to rotate.
    told = watcher.failovers(NAME).get("dns", 0)
    assert told <= 2
    for address in (Lab.other_address, Lab.address) * 3:
        asked = len(names.queries)
        move(names, address)
        wait_until(lambda: len(names.queries) >= asked + 2, "new look at the name")
    watcher.wait_probes(NAME, 2)
    assert watcher.failovers(NAME).get("dns", 0) == told == count_events(watcher, "failover", mark)
    assert watcher.course(NAME, mark) == []


# ------------------------------------------------------------------------------- the former address


@pytest.fixture
def application(lab, watcher):
    """A connection of somebody else on this host, from before the move."""
    made = lab.client.connect(Lab.address, PORT)
    yield made
    made.close()


def follow_move(watcher, names):
    mark = watcher.mark()
    move(names, Lab.other_address)
    watcher.wait_event("failover", NAME, mark)
    watcher.wait_primary(NAME, node(Lab.other_address))


def wait_left(watcher, since=0):
    left = watcher.wait_event("former_left", NAME, since)
    assert node(Lab.address) in left.message


def test_the_former_address_is_watched_until_nobody_is_connected_to_it(
    watcher, names, application, servers
):
    follow_move(watcher, names)
    wait_until(
        lambda: watcher.former_primaries(NAME) == {node(Lab.address): 1}, "the one connection"
    )
    # relinkd's own connection to it does not count, and has it in sight.
    watcher.wait_node(NAME, node(Lab.address), part="former", role="primary", condition="ok")
    servers[0].client().replicaof(Lab.other_address, PORT)
    watcher.wait_node(NAME, node(Lab.address), part="former", role="replica")
    # It counts for nothing but itself.
    assert watcher.endpoint(NAME)["condition"] in ("ok", "slow")
    application.close()
    wait_left(watcher)
    wait_until(lambda: node(Lab.address) not in watcher.nodes(NAME), "end of the watch")
    wait_until(lambda: servers[0].watchers() == [], "end of the connection")
    nodes = watcher.scrape().matching("relinkd_node_up", endpoint=NAME)
    assert {dict(labels)["node"] for labels in nodes} == {node(Lab.other_address)}


def test_the_former_address_is_remembered_over_a_restart(watcher, names, application):
    follow_move(watcher, names)
    stopped = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
    watcher.restart()
    watcher.wait_event("ok", NAME)
    wait_until(
        lambda: watcher.former_primaries(NAME) == {node(Lab.address): 1}, "the one connection"
    )
    # It has been a former primary since the move, not since the restart. Not to the millisecond: the
    # wall clock may have been set meanwhile.
    [after] = watcher.endpoint(NAME)["former_primaries"]
    assert after["since"] < stopped
    assert watcher.failovers(NAME) == {}
    application.close()
    wait_left(watcher)
    watcher.restart()
    watcher.wait_event("ok", NAME)
    assert watcher.former_primaries(NAME) == {}


def test_a_move_during_a_restart_is_a_move(watcher, names, application):
    assert watcher.stop() == 0
    move(names, Lab.other_address)
    watcher.start()
    watcher.wait_event("failover", NAME)
    assert watcher.failovers(NAME) == {"dns": 1}
    wait_until(
        lambda: watcher.former_primaries(NAME) == {node(Lab.address): 1}, "the one connection"
    )


def test_a_state_file_that_cannot_be_read_is_told_and_ignored(watcher, names):
    assert watcher.stop() == 0
    file = watcher.state_folder / "state.json"
    assert NAME in file.read_text()
    file.write_text('{"version": 1, "endpoints": {')
    watcher.start()
    watcher.wait_event("ok", NAME)
    assert any("warning" in line and str(file) in line for line in watcher.lines.all())
    # It is replaced by a good one.
    watcher.restart()
    watcher.wait_event("ok", NAME)
    assert str(file) not in watcher.log()


def test_without_a_state_folder_relinkd_says_so_and_works(lab, names, servers):
    watcher = lab.watch_until_ok(
        endpoint(NAME, URL), watch=WATCH, environment={"STATE_DIRECTORY": "/run/lab/nowhere"}
    )
    assert any("/run/lab/nowhere" in line for line in watcher.lines.all())
    follow_move(watcher, names)
