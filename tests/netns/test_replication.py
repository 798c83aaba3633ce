# SPDX-License-Identifier: Apache-2.0
"""A primary and its replicas without Sentinels: who is who is read from the servers themselves."""

import time

import pytest
from lab import Lab, endpoint
from watcher import wait_until

NAME = "sessions"
PORT = 6379
INTERVAL = 2.0
WATCH = {"topology_interval": f"{int(INTERVAL)}s"}
# A PING interval, and what a busy machine adds.
SLACK = 2.0


@pytest.fixture
def pair(lab):
    """A primary and a replica of it, as if on two hosts: each speaks from its own address."""
    primary, replica = (
        lab.redis(address, bind_source_addr=address, repl_diskless_sync_delay=0)
        for address in (Lab.address, Lab.other_address)
    )
    replica.client().replicaof(primary.address, PORT)
    wait_until(lambda: replica.follows(primary), "link of the replica")
    return primary, replica


def switch_over(old, new):
    """FAILOVER TO: waits until both have their new role. The time."""
    old.client().execute_command("FAILOVER", "TO", new.address, new.port)
    wait_until(lambda: new.role() == "primary" and old.follows(new), "switchover")
    return time.time()


def no_role(lab, server, *forbidden):
    """A user who may do all but this; its settings for an endpoint."""
    password = lab.secret()
    server.client().acl_setuser(
        "watcher", enabled=True, passwords=["+" + password], channels=["*"],
        commands=["+@all", *(f"-{command}" for command in forbidden)],
    )
    return {"password": {"file": lab.secret_file(password)}}


# --------------------------------------------------------------------------------------- FAILOVER


def test_a_planned_switchover_touches_no_connection_and_is_told(lab, pair):
    old, new = pair
    watcher = lab.watch_until_ok(endpoint(NAME, old.url()), watch=WATCH)
    before = {c["id"] for c in old.watchers()}
    mark = watcher.mark()
    switched = switch_over(old, new)
    found = watcher.wait_event("read_only", NAME, mark)
    print(f"{found.when - switched:.2f} s after the switchover: {found.message}")
    assert found.when - switched <= INTERVAL + SLACK
    # No TCP event at all: the very connections go on.
    assert {c["id"] for c in old.watchers()} >= before
    assert watcher.disconnects(NAME) == {}
    assert watcher.course(NAME, mark) == ["read_only"]
    assert not watcher.endpoint(NAME)["up"]
    # The endpoint is that one address: another primary is named, and not followed.
    named = watcher.wait_event("primary_named", NAME, mark)
    assert new.host_port in named.message
    watcher.wait_node(NAME, new.host_port, role="primary")
    assert watcher.failovers(NAME) == {"switchover": 1}

    mark = watcher.mark()
    switch_over(new, old)
    watcher.wait_event("ok", NAME, mark)
    watcher.wait_event("failover", NAME, mark)
    assert watcher.failovers(NAME) == {"switchover": 2}
    assert watcher.disconnects(NAME) == {}
    assert {c["id"] for c in old.watchers()} >= before


def test_the_replica_that_became_primary_is_found_where_only_the_old_primary_knew_it(lab, pair):
    """The old primary dies, and a person promotes its replica: the dead one can tell nobody."""
    old, new = pair
    watcher = lab.watch_until_ok(endpoint(NAME, old.url()), watch=WATCH)
    # Time to learn the replicas.
    watcher.wait_probes(NAME, int(INTERVAL) + 1)
    mark = watcher.mark()
    old.kill()
    watcher.wait_event("refused", NAME, mark)
    new.client().replicaof("NO", "ONE")
    named = watcher.wait_event("primary_named", NAME, mark)
    assert new.host_port in named.message
    assert not watcher.endpoint(NAME)["up"]


def test_replicas_are_watched_where_that_is_wanted(lab, pair):
    primary, replica = pair
    watcher = lab.watch_until_ok(
        endpoint(NAME, primary.url(), watch_replicas=True), watch=WATCH
    )
    watcher.wait_node(NAME, replica.host_port, part="replica", role="replica", condition="ok")
    mark = watcher.mark()
    replica.kill()
    watcher.wait_node(NAME, replica.host_port, part="replica", condition="refused")
    assert watcher.endpoint(NAME)["up"]
    assert watcher.course(NAME, mark) == []


def test_a_dead_replica_is_watched_on_though_the_primary_forgets_it(lab, pair):
    primary, replica = pair
    watcher = lab.watch_until_ok(
        endpoint(NAME, primary.url(), watch_replicas=True), watch=WATCH
    )
    watcher.wait_node(NAME, replica.host_port, part="replica", condition="ok")
    replica.kill()
    wait_until(lambda: primary.client().role()[2] == [], "the primary to forget its replica")
    # Time to learn that.
    watcher.wait_probes(NAME, int(INTERVAL) + 2)
    up = watcher.scrape().value("relinkd_node_up", endpoint=NAME, node=replica.host_port)
    assert up == 0
    replica.start()
    watcher.wait_node(NAME, replica.host_port, part="replica", condition="ok")


@pytest.mark.parametrize("forbidden", [("role",), ("role", "client", "cluster")])
def test_without_role_the_switchover_is_read_from_info(lab, pair, forbidden):
    old, new = pair
    settings = [no_role(lab, server, *forbidden) for server in pair]
    watcher = lab.watch_until_ok(
        endpoint(NAME, old.url(user="watcher"), **settings[0]),
        endpoint("other", new.url(user="watcher"), expect="any", **settings[1]),
        watch=WATCH,
    )
    for name, server, role in ((NAME, old, "primary"), ("other", new, "replica")):
        watcher.wait_node(name, server.host_port, role=role)
    mark = watcher.mark()
    switched = switch_over(old, new)
    found = watcher.wait_event("read_only", NAME, mark)
    assert found.when - switched <= INTERVAL + SLACK
    assert watcher.disconnects(NAME) == {}
    watcher.wait_node("other", new.host_port, role="primary")


def test_without_role_and_info_the_watch_goes_on(lab):
    server = lab.redis()
    settings = no_role(lab, server, "role", "info", "client", "cluster")
    watcher = lab.watch_until_ok(endpoint(NAME, server.url(user="watcher"), **settings))
    watcher.wait_node(NAME, server.host_port, role="unknown", condition="ok")
    assert watcher.endpoint(NAME)["up"]


# ------------------------------------------------------------------- who is it that answers now?


def take_over(old, new):
    """`new`, which runs at another port of the same address, gets the port of `old`."""
    # Its uptime is what tells it from a process that was just started.
    wait_until(lambda: new.client().info("server")["uptime_in_seconds"] >= 5, "uptime")
    old.kill()
    new.client().config_set("port", PORT)
    new.port = PORT


def test_a_restart_is_told_as_such(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint(NAME, server.url()), watch=WATCH)
    mark = watcher.mark()
    server.restart()
    watcher.wait_event("server_restarted", NAME, mark)
    watcher.wait_event("ok", NAME, mark)
    assert watcher.failovers(NAME) == {"restart": 1}
    assert [e for e in watcher.events.all(mark) if e.event == "server_replaced"] == []


def told_of_replacement(watcher, old, new):
    mark = watcher.mark()
    take_over(old, new)
    replaced = watcher.wait_event("server_replaced", NAME, mark)
    watcher.wait_event("ok", NAME, mark)
    assert watcher.failovers(NAME).get("restart", 0) == 0
    assert [e for e in watcher.events.all(mark) if e.event == "server_restarted"] == []
    return replaced.message


def test_another_server_at_the_same_address_is_no_restart(lab):
    """As with a virtual address. Whether its data continue those of the old one is told."""
    old, stranger = lab.redis(), lab.redis(port=6380)
    watcher = lab.watch_until_ok(endpoint(NAME, old.url()), watch=WATCH)
    assert "do not continue" in told_of_replacement(watcher, old, stranger)

    heir = lab.redis(port=6381, repl_diskless_sync_delay=0)
    heir.client().replicaof(stranger.address, PORT)
    wait_until(lambda: heir.follows(stranger), "link of the replica")
    history = stranger.client().info("replication")["master_replid"]
    # Time to read the history of the one that it will replace.
    watcher.wait_probes(NAME, int(INTERVAL) + 1)
    heir.client().replicaof("NO", "ONE")
    assert heir.client().info("replication")["master_replid2"] == history
    told = told_of_replacement(watcher, stranger, heir)
    assert "its data continue the old one's" in told
