# SPDX-License-Identifier: Apache-2.0
"""The primary moves and the old one lives on: who is still connected to it is made to follow, and
who has reasons to be there is not."""

import itertools
import time

import pytest
from application import CLIENTS, Untouched, client_ids
from cluster import Cluster
from collector import wait_until
from group import ReplicationGroup
from lab import Lab, app, endpoint
from relinks import Relinks

NAME = "sessions"
APP = "checkout"
PORT = 6379
HOST = "redis.test"
DESTROY = "destroy-sockets"
# max(3 TTL, 10 s), design of `wrong_node`, with a TTL of 1 s.
GRACE = 10.0
TTL = 1


# ------------------------------------------------------------------------------------- Sentinel


@pytest.fixture
def group(fabric):
    return ReplicationGroup(fabric)


def connect(group, application, kind):
    seeds = [[one.address, one.port] for one in group.sentinels]
    return application.connect(kind, seeds=seeds, primary=group.name)


@pytest.mark.parametrize("library", CLIENTS)
def test_all_connections_to_the_old_primary_go_and_the_app_writes_to_the_new_one(
    fabric, group, library
):
    watcher = fabric.watch_until_ok(endpoint(NAME, group.url()), apps=[app(APP, NAME)])
    relinks = Relinks(watcher, APP, NAME)
    application = fabric.application(library=library)
    stranger = fabric.application("billing.service", library=library)
    # It only reads, so that nothing tells it that its primary is none any more.
    reader = connect(group, application, "primary")
    others = connect(group, stranger, "primary")
    for one in (reader, others):
        one.repeat("GET", "a", pause=0.1)
    if library == "redis-py":
        reader.fill(5)
    relinks.wait_seen(application)
    old = group.primary()
    before = client_ids(old, application.ports())
    assert len(before) == len(application.ports())
    untouched = Untouched(stranger, old)

    mark = watcher.mark()
    _, new = group.fail_over_gently(fabric)
    wait_until(lambda: not client_ids(old, before), "end of all connections to the old primary")
    story = relinks.wait_recovered(mark)
    proven = watcher.wait_event("failover", NAME, mark)
    assert new.host_port in proven.message
    assert story[0].when >= proven.when
    assert set(relinks.counts()) == {(DESTROY, "recovered")}
    reader.call("SET", "b", "1").end()
    wait_until(lambda: new.client().get("b") == b"1", "the app's write at the new primary")
    assert client_ids(old, application.ports()) == {}
    untouched.check()


def test_an_app_that_reads_from_replicas_on_purpose_is_never_touched(fabric, group):
    watcher = fabric.watch_until_ok(endpoint(NAME, group.url()), apps=[app("reports", NAME)])
    relinks = Relinks(watcher, "reports", NAME)
    application = fabric.application("reports.service")
    readers = [connect(group, application, "replicas") for _ in range(4)]
    for one in readers:
        one.repeat("GET", "a", pause=0.1)

    def wait_reading():
        wait_until(lambda: relinks.sockets() == {"replica": 4}, "four readers of replicas")

    wait_reading()
    mark = watcher.mark()
    old, _ = group.fail_over_gently(fabric)
    watcher.wait_event("failover", NAME, mark)
    # Sentinel ends the connections to those whose primary it changes; that of the old one nobody
    # does. It is a replica now, and some come to it for that.
    after = time.monotonic()
    for one in readers:
        one.wait_success(begun_after=after)
    while not client_ids(old, application.ports()):
        one = connect(group, application, "replicas")
        one.repeat("GET", "a", pause=0.1)
        readers.append(one)
    untouched = [
        Untouched(application, one) for one in group.servers
        if client_ids(one, application.ports())
    ]
    # Beyond the grace, the next looks at the topology, and `spread`.
    watcher.wait_probes(NAME, 15)
    for one in untouched:
        one.check()
    relinks.assert_nothing_was_done()


# ----------------------------------------------------------------------------------------- names


def watch_name(lab):
    watcher = lab.watch_until_ok(
        endpoint(NAME, f"redis://{HOST}:{PORT}"), apps=[app(APP, NAME)]
    )
    return watcher, Relinks(watcher, APP, NAME)


@pytest.mark.parametrize("target", ["proven at once", "proven late"])
def test_an_app_at_a_former_address_is_healed_after_the_grace_and_the_proof(lab, target):
    old = lab.redis()
    names = lab.name_server()
    names.set_address(HOST, old.address, ttl=TTL)
    new = lab.redis(Lab.other_address)
    watcher, relinks = watch_name(lab)
    application = lab.application()
    busy = application.connect(host=HOST, port=PORT).repeat("INCR", "a")
    relinks.wait_seen(application)
    untouched = Untouched(application, old)
    if target == "proven late":
        new.kill()

    mark = watcher.mark()
    moved = time.time()
    names.set_address(HOST, new.address, ttl=TTL)
    if target == "proven late":
        time.sleep(GRACE + 5)
        # The old node answers, the new one does not: it is left where it is.
        untouched.check()
        relinks.assert_nothing_was_done()
        new.start()
    proven = watcher.wait_event("failover", NAME, mark)
    story = relinks.wait_recovered(mark)
    assert story[0].when >= proven.when
    # The last answer that named it may have come up to a TTL before it moved.
    assert story[0].when >= moved - TTL + GRACE
    busy.wait_success(begun_after=time.monotonic())
    assert {one.remote for one in application.sockets()} == {new.host_port}
    assert relinks.counts() == {(DESTROY, "recovered"): 1}


@pytest.mark.parametrize("answer", ["both in turn", "one in turn"])
def test_addresses_of_a_name_in_rotation_all_belong_to_it(lab, answer):
    servers = [lab.redis(), lab.redis(Lab.other_address)]
    addresses = [one.address for one in servers]
    names = lab.name_server()

    def answer_with(first):
        order = addresses if first == 0 else addresses[::-1]
        names.set_address(HOST, *(order if answer == "both in turn" else order[:1]), ttl=1)

    answer_with(0)
    _, relinks = watch_name(lab)
    application = lab.application()
    for one in servers:
        application.pool(one, 2)
    # Each was the name's while it was connected to.
    for turn in itertools.islice(itertools.cycle([1, 0]), 6):
        answer_with(turn)
        time.sleep(2)
    relinks.wait_seen(application)
    untouched = [Untouched(application, one) for one in servers]
    # Longer than the grace, and never is one of them absent for so long.
    for turn in itertools.islice(itertools.cycle([1, 0]), 10):
        answer_with(turn)
        time.sleep(2)
    for one in untouched:
        one.check()
    assert "wrong_node" not in relinks.sockets()
    relinks.assert_nothing_was_done()


# --------------------------------------------------------------------------------------- cluster


def test_a_cluster_client_is_not_touched_while_slots_move(fabric):
    cluster = Cluster(fabric)
    watcher = fabric.watch_until_ok(endpoint(NAME, cluster.url()), apps=[app(APP, NAME)])
    relinks = Relinks(watcher, APP, NAME)
    application = fabric.application()
    source, target, *_ = cluster.nodes
    # A key of each of the three primaries; the first one is on the move.
    clients = []
    for key in "bca":
        clients.append(application.connect("cluster", host=source.address, port=PORT))
        clients[-1].repeat("INCR", key, pause=0.05)
    relinks.wait_seen(application)
    ports = application.ports()
    untouched = [Untouched(application, one) for one in cluster.nodes if client_ids(one, ports)]
    assert len(untouched) >= 3

    move_slot(cluster, "b", source, target)
    watcher.wait_event("cluster_changed", NAME)
    moved = time.monotonic()
    for one in clients:
        one.wait_success(begun_after=moved)
    watcher.wait_probes(NAME, 12)
    for one in untouched:
        one.check()
    relinks.assert_nothing_was_done()


def move_slot(cluster, key, source, target):
    """A slot with a key in it, in the steps that redis-cli takes."""
    slot = source.client().execute_command("CLUSTER", "KEYSLOT", key)
    source_id, target_id = cluster.id(source), cluster.id(target)
    target.client().execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
    source.client().execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
    source.client().execute_command(
        "MIGRATE", target.address, target.port, key, 0, 5000, "REPLACE"
    )
    for node in (target, source):
        node.client().execute_command("CLUSTER", "SETSLOT", slot, "NODE", target_id)
