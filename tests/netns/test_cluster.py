# SPDX-License-Identifier: Apache-2.0
"""A cluster's own changes are followed soon after its members agree on them."""

import time

import pytest
from cluster import SLOTS, Cluster
from lab import endpoint
from network import LINK
from watcher import wait_until

NAME = "catalog"
WATCH = {"topology_interval": "1s", "backoff": {"initial": "100ms", "max": "1s"}}
# From the agreement of all members that run, as far as a test can see it.
SOON = 2.0


@pytest.fixture
def cluster(fabric):
    return Cluster(fabric)


@pytest.fixture
def watcher(fabric, cluster):
    made = fabric.watch_until_ok(endpoint(NAME, cluster.url()), watch=WATCH)
    wait_primaries(made, *cluster.nodes[:3])
    return made


def wait_primaries(watcher, *nodes):
    """Waits until exactly these are watched as primaries, and have proven it. The time."""
    wanted = {node.host_port for node in nodes}

    def proven():
        found = watcher.nodes(NAME, "primary")
        return found.keys() == wanted and all(n["role"] == "primary" for n in found.values())

    wait_until(proven, f"primaries {wanted}")
    return time.time()


def assert_followed(watcher, old, new, kind, agreed, mark):
    told = watcher.wait_event("failover", NAME, mark)
    print(f"{told.when - agreed:.3f} s after the agreement: {told.message}")
    assert told.when - agreed <= SOON
    assert old.host_port in told.message
    assert new.host_port in told.message
    last = watcher.endpoint(NAME)["last_failover"]
    assert (last["kind"], last["from"], last["to"]) == (kind, old.host_port, new.host_port)
    assert watcher.failovers(NAME) == {kind: 1}


# --------------------------------------------------------------------------------------- failovers


def test_the_replica_of_a_killed_primary_is_followed(cluster, watcher):
    old, *rest = cluster.nodes[:3]
    new = cluster.replica_of(old)
    mark = watcher.mark()
    old.kill()
    agreed = cluster.wait_primary(new)
    assert_followed(watcher, old, new, "failover", agreed, mark)
    wait_primaries(watcher, new, *rest)
    watcher.wait_event("ok", NAME, mark)

    # It comes back as a replica: that is no second failover.
    quiet = watcher.mark()
    old.start()
    cluster.wait_settled()
    assert old.follows(new)
    watcher.wait_probes(NAME, 9)
    assert watcher.failovers(NAME) == {"failover": 1}
    assert watcher.course(NAME, quiet) == []
    wait_primaries(watcher, new, *rest)


def test_a_primary_that_is_cut_off_is_followed_too(fabric, cluster, watcher):
    old, *rest = cluster.nodes[:3]
    new = cluster.replica_of(old)
    mark = watcher.mark()
    fabric.isolate(cluster.host_of(old))
    # The one that is cut off agrees to nothing.
    wait_until(lambda: new.role() == "primary", "promotion")
    told = watcher.wait_event("failover", NAME, mark)
    assert new.host_port in told.message
    wait_primaries(watcher, new, *rest)
    fabric.repair()
    cluster.wait_settled()
    watcher.wait_probes(NAME, 9)
    assert watcher.failovers(NAME) == {"failover": 1}


def test_a_switchover_by_hand_is_followed_and_touches_no_connection(cluster, watcher):
    old, *rest = cluster.nodes[:3]
    new = cluster.replica_of(old)
    mark = watcher.mark()
    cluster.failover(new)
    agreed = cluster.wait_primary(new)
    assert_followed(watcher, old, new, "switchover", agreed, mark)
    wait_primaries(watcher, new, *rest)
    # The old primary is asked before relinkd hears of the new one, or after.
    assert set(watcher.course(NAME, mark)) <= {"read_only", "ok"}
    # It is left as what it was, and lost nobody.
    assert watcher.disconnects(NAME).keys() <= {"moved"}


def test_a_minority_that_is_cut_off_with_relinkd_is_not_believed_to_be_well(
    fabric, cluster, watcher
):
    near = cluster.nodes[0]
    mark = watcher.mark()
    fabric.split(
        [fabric.relinkd_host, cluster.host_of(near)],
        [cluster.host_of(node) for node in cluster.nodes if node is not near],
    )
    # It says so itself: without a majority it serves nobody.
    watcher.wait_event("cluster_failing", NAME, mark)
    assert not watcher.endpoint(NAME)["up"]
    new = cluster.nodes[3]
    wait_until(lambda: new.role() == "primary", "promotion on the other side")
    fabric.repair()
    cluster.wait_settled()
    watcher.wait_event("cluster_fine", NAME, mark)
    wait_primaries(watcher, new, *cluster.nodes[1:3])
    assert sum(watcher.failovers(NAME).values()) == 1


# ------------------------------------------------------------------------------------ nodes, slots


def test_nodes_that_are_added_and_removed_and_slots_that_move_are_followed(cluster, watcher):
    three = cluster.nodes[:3]
    mark = watcher.mark()
    added = cluster.add_node()
    cluster.move_slots(0, 99, three[0], added)
    agreed = cluster.wait_slots(added, 100)
    assert wait_primaries(watcher, *three, added) - agreed <= SOON
    changed = watcher.wait_event("cluster_changed", NAME, mark)
    print(changed.message)

    mark = watcher.mark()
    cluster.move_slots(50, 99, added, three[1])
    agreed = cluster.wait_slots(added, 50)
    changed = watcher.wait_event("cluster_changed", NAME, mark)
    assert changed.when - agreed <= SOON
    assert "slot" in changed.message

    cluster.move_slots(0, 49, added, three[0])
    cluster.wait_slots(added, 0)
    mark = watcher.mark()
    removed = time.time()
    cluster.remove_node(added)
    assert wait_primaries(watcher, *three) - removed <= SOON
    # None of it is a failover or an outage of the cluster.
    watcher.wait_probes(NAME, 3)
    assert watcher.failovers(NAME) == {}
    assert [e for e in watcher.events.all() if e.event == "cluster_failing"] == []
    nodes = watcher.scrape().matching("relinkd_node_up", endpoint=NAME)
    assert {dict(labels)["node"] for labels in nodes} == {node.host_port for node in three}


def test_slots_that_nobody_serves_are_found(cluster, watcher):
    lost = cluster.nodes[0]
    replica = cluster.replica_of(lost)
    share = next(m.slots for m in cluster.members(lost) if m.id == cluster.id(lost))
    mark = watcher.mark()
    replica.kill()
    lost.kill()
    cluster.wait_state("fail")
    failing = watcher.wait_event("cluster_failing", NAME, mark)
    print(failing.message)
    wait_until(lambda: watcher.endpoint(NAME)["uncovered_slots"] == share, "count of the slots")
    assert f"{share} of {SLOTS} hash slots" in watcher.relinkctl("status").stdout
    lost.start()
    replica.start()
    cluster.wait_settled()
    watcher.wait_event("cluster_fine", NAME, mark)
    wait_until(lambda: watcher.endpoint(NAME)["uncovered_slots"] == 0, "full coverage")
    wait_primaries(watcher, *cluster.nodes[:3])
    watcher.wait_event("ok", NAME, mark)
    assert watcher.failovers(NAME).keys() <= {"restart"}


def test_slots_that_were_never_given_to_anybody_are_found(cluster, watcher):
    mark = watcher.mark()
    for node in cluster.nodes:
        node.client().execute_command("CLUSTER", "DELSLOTS", 7)
    cluster.wait_state("fail")
    watcher.wait_event("cluster_failing", NAME, mark)
    wait_until(lambda: watcher.endpoint(NAME)["uncovered_slots"] == 1, "count of the slots")


# ------------------------------------------------------------------------------------------- seeds


def test_one_seed_that_lives_is_enough(fabric, cluster):
    *dead, alive = cluster.nodes[3:]
    for node in dead:
        node.kill()
    watcher = fabric.watch_until_ok(endpoint(NAME, cluster.url(*dead, alive)), watch=WATCH)
    wait_primaries(watcher, *cluster.nodes[:3])
    # The others are known by now: the seeds may go.
    alive.kill()
    watcher.wait_probes(NAME, 3)
    wait_primaries(watcher, *cluster.nodes[:3])


def test_replicas_are_watched_where_that_is_wanted(fabric, cluster):
    watcher = fabric.watch_until_ok(
        endpoint(NAME, cluster.url(), watch_replicas=True), watch=WATCH
    )
    wait_primaries(watcher, *cluster.nodes[:3])
    for replica in cluster.nodes[3:]:
        watcher.wait_node(NAME, replica.host_port, part="replica", role="replica", condition="ok")
    mark = watcher.mark()
    cluster.nodes[3].kill()
    watcher.wait_node(NAME, cluster.nodes[3].host_port, condition="refused")
    assert watcher.endpoint(NAME)["up"]
    assert watcher.course(NAME, mark) == []


@pytest.mark.parametrize("allowed", [("shards", "info"), ("slots", "nodes", "info"), ("slots",)])
def test_what_a_user_may_not_ask_is_asked_in_another_way(fabric, cluster, allowed):
    password = fabric.secret()
    for node in cluster.nodes:
        node.client().acl_setuser(
            "watcher", enabled=True, passwords=["+" + password],
            commands=["+ping", "+role", "+info", *(f"+cluster|{word}" for word in allowed)],
        )
    url = cluster.url().replace("://", "://watcher@")
    watcher = fabric.watch_until_ok(
        endpoint(NAME, url, password={"file": fabric.secret_file(password)}), watch=WATCH
    )
    wait_primaries(watcher, *cluster.nodes[:3])
    old = cluster.nodes[0]
    new = cluster.replica_of(old)
    mark = watcher.mark()
    old.kill()
    cluster.wait_primary(new)
    watcher.wait_event("failover", NAME, mark)
    wait_primaries(watcher, new, *cluster.nodes[1:3])
    assert watcher.failovers(NAME) == {"failover": 1}


# --------------------------------------------------------------------------------------- addresses


def test_host_names_that_members_announce_are_used(fabric):
    cluster = Cluster(
        fabric,
        cluster_announce_hostname=lambda host: f"{host.namespace.name}.test",
        cluster_preferred_endpoint_type="hostname",
    )
    names = fabric.name_server(fabric.host())
    for host in cluster.hosts:
        names.set_address(f"{host.namespace.name}.test", host.address, ttl=60)
    watcher = fabric.watch_until_ok(endpoint(NAME, cluster.url()), watch=WATCH)
    for host, primary in zip(cluster.hosts[:3], cluster.nodes[:3]):
        asked = f"{host.namespace.name}.test"
        wait_until(lambda: primary.watchers() and asked in names.queries, f"link to {asked}")
    assert len(watcher.nodes(NAME, "primary")) == 3


def test_addresses_that_members_announce_are_used(fabric):
    """As behind a NAT: the address that a node is bound to is not the one for clients."""

    def announced(host):
        return host.address.replace(".0.", ".0.1")

    def bind(host):
        host.namespace.run("ip", "address", "add", f"{announced(host)}/24", "dev", LINK)
        return f"{host.address} {announced(host)}"

    cluster = Cluster(fabric, bind=bind, cluster_announce_ip=announced)
    watcher = fabric.watch_until_ok(endpoint(NAME, cluster.url(cluster.nodes[0])), watch=WATCH)
    wanted = {f"{announced(host)}:6379" for host in cluster.hosts[:3]}
    wait_until(lambda: watcher.nodes(NAME, "primary").keys() == wanted, f"primaries {wanted}")
    for host, primary in zip(cluster.hosts[:3], cluster.nodes[:3]):
        reached = {c["laddr"].rpartition(":")[0] for c in primary.watchers()}
        assert announced(host) in reached
