# SPDX-License-Identifier: Apache-2.0
"""The groups of servers that tests watch: they fail over by themselves, and can be cut apart."""

import socket

import pytest
from cluster import SLOTS, Cluster
from group import ReplicationGroup
from watcher import wait_until


def ask(host, address, port=6379):
    """A PING to there: "answered" or "silent"."""
    try:
        with host.namespace.connect(address, port, 0.5) as connection:
            connection.sendall(b"PING\r\n")
            return "answered" if connection.recv(100) == b"+PONG\r\n" else "closed"
    except TimeoutError:
        return "silent"


# ------------------------------------------------------------------------------------------ hosts


def test_hosts_reach_each_other_until_they_are_cut_apart(fabric):
    here = fabric.relinkd_host
    one, two, three = (fabric.host() for _ in range(3))
    for host in (one, two, three):
        fabric.redis(host)
    fabric.split([here, one], [two, three])
    for a, b in ((here, one), (one, here), (two, three)):
        if b is not here:
            assert ask(a, b.address) == "answered"
    for a, b in ((here, two), (one, two), (two, one), (three, one)):
        assert ask(a, b.address) == "silent"
    # Another cut takes the place of that one.
    fabric.isolate(two)
    assert ask(here, one.address) == ask(one, three.address) == "answered"
    for a, b in ((here, two), (one, two), (two, one)):
        assert ask(a, b.address) == "silent"
    # A host goes on reaching itself.
    assert ask(two, two.address) == "answered"
    fabric.repair()
    assert ask(here, two.address) == ask(two, three.address) == "answered"


def test_packets_can_pass_between_some_only(fabric):
    """Not only into parts: here one host reaches all, and the two others not each other."""
    one, two, both = (fabric.host() for _ in range(3))
    for host in (one, two, both):
        fabric.redis(host)
    fabric.split([one], [two])
    assert ask(one, two.address) == ask(two, one.address) == "silent"
    for host in (one, two):
        assert ask(both, host.address) == ask(host, both.address) == "answered"


def test_established_flows_are_cut_too(fabric):
    host = fabric.host()
    fabric.redis(host)
    connection = fabric.client.connect(host.address, 6379, 1)
    fabric.isolate(host)
    connection.sendall(b"PING\r\n")
    with pytest.raises(TimeoutError):
        connection.recv(100)
    fabric.repair()
    connection.settimeout(10)
    assert connection.recv(100) == b"+PONG\r\n"


def test_a_name_server_can_be_on_any_host(fabric):
    host = fabric.host()
    fabric.name_server(host).set_address("redis.test", "198.18.0.99")
    assert "198.18.0.99" in fabric.client.run("getent", "ahostsv4", "redis.test")


# --------------------------------------------------------------------------------------- Sentinels


def kill(fabric, group):
    group.servers[0].kill()


def freeze(fabric, group):
    group.servers[0].freeze()


def cut_off(fabric, group):
    fabric.isolate(group.hosts[0])


def order(fabric, group):
    group.sentinels[1].failover(group.name)


@pytest.mark.parametrize("change", [kill, freeze, cut_off, order])
def test_sentinels_agree_on_a_new_primary_and_the_old_one_follows_it(fabric, change):
    group = ReplicationGroup(fabric)
    old = group.primary()
    assert old is group.servers[0]
    change(fabric, group)
    agreement = group.wait_switch(old)
    new = agreement.primary
    assert new is not old
    assert new.role() == "primary"
    if change is not order:
        assert group.wait_news("+odown", f"master {group.name} {old.address}").when < agreement.when
    if change is cut_off:
        # Both are still believed in, each on its side.
        assert old.role() == "primary"
        assert group.sentinel_beside(old).state(group.name)["ip"] == old.address
    if change is kill:
        old.start()
    if change is freeze:
        old.thaw()
    fabric.repair()
    group.wait_settled()
    assert old.follows(new)


def test_a_switch_happens_while_one_sentinel_is_dead(fabric):
    group = ReplicationGroup(fabric)
    group.sentinels[0].kill()
    group.servers[0].kill()
    group.wait_switch(group.servers[0])


def test_a_sentinel_goes_on_with_what_it_knew(fabric):
    group = ReplicationGroup(fabric)
    group.sentinels[1].failover(group.name)
    new = group.wait_switch(group.servers[0]).primary
    group.wait_settled()
    epochs = {one.state(group.name)["config-epoch"] for one in group.sentinels}
    group.sentinels[2].restart()
    group.wait_settled()
    assert group.primary() is new
    assert {one.state(group.name)["config-epoch"] for one in group.sentinels} == epochs


def test_a_sentinel_that_was_stopped_is_in_tilt(fabric):
    group = ReplicationGroup(fabric)
    stopped = group.sentinels[2]
    stopped.tune(tilt_trigger=500)
    stopped.freeze()
    group.wait_news("+sdown", "sentinel")
    stopped.thaw()
    assert group.wait_news("+tilt").sentinel == stopped.host_port
    group.wait_news("-sdown", "sentinel")


def test_servers_with_tls_and_passwords_switch_too(fabric):
    group = ReplicationGroup(
        fabric, password=fabric.secret(), authority=fabric.authority(), plain_sentinels=True
    )
    assert ask(fabric.relinkd_host, group.hosts[0].address, 26379) == "answered"
    group.servers[0].kill()
    group.wait_switch(group.servers[0])


def test_sentinels_speak_tls(fabric):
    group = ReplicationGroup(fabric, authority=fabric.authority())
    group.servers[0].kill()
    group.wait_switch(group.servers[0])


# ----------------------------------------------------------------------------------------- cluster


@pytest.fixture
def cluster(fabric):
    return Cluster(fabric)


def test_a_cluster_has_three_primaries_with_a_replica_each(cluster):
    for node in cluster.nodes:
        members = cluster.members(node)
        assert len(members) == 6
        assert sum(m.slots for m in members) == SLOTS
        assert sum("master" in m.flags and m.slots > 0 for m in members) == 3
    replicas = [cluster.replica_of(primary) for primary in cluster.nodes[:3]]
    assert replicas == cluster.nodes[3:]


@pytest.mark.parametrize("how", ["killed", "cut off"])
def test_a_cluster_promotes_the_replica_of_a_lost_primary(fabric, cluster, how):
    old = cluster.nodes[0]
    new = cluster.replica_of(old)
    if how == "killed":
        old.kill()
        cluster.wait_primary(new)
        cluster.wait_settled()
        old.start()
    else:
        fabric.isolate(cluster.hosts[0])
        wait_until(lambda: new.role() == "primary", "promotion")
        assert old.role() == "primary"
        fabric.repair()
    cluster.wait_settled()
    assert old.follows(new)


def test_a_cluster_switches_by_hand_and_back(cluster):
    old = cluster.nodes[0]
    new = cluster.replica_of(old)
    for one in (new, old):
        cluster.failover(one)
        cluster.wait_primary(one)
        cluster.wait_settled()
        assert one.role() == "primary"


def test_nodes_and_slots_come_and_go(cluster):
    source = cluster.nodes[0]
    before = next(m.slots for m in cluster.members(source) if m.id == cluster.id(source))
    added = cluster.add_node()
    cluster.move_slots(0, 99, source, added)
    cluster.wait_slots(added, 100)
    cluster.wait_slots(source, before - 100)
    cluster.wait_settled()
    cluster.move_slots(0, 99, added, source)
    cluster.wait_slots(source, before)
    cluster.remove_node(added)
    cluster.wait_settled()
    assert all(len(cluster.members(node)) == 6 for node in cluster.living())


def test_a_cluster_that_loses_a_shard_says_so(cluster):
    lost = cluster.nodes[0]
    replica = cluster.replica_of(lost)
    replica.kill()
    lost.kill()
    cluster.wait_state("fail")
    lost.start()
    replica.start()
    cluster.wait_settled()


def test_members_announce_host_names_and_other_addresses(fabric):
    cluster = Cluster(
        fabric,
        cluster_announce_hostname=lambda host: f"{host.namespace.name}.test",
        cluster_preferred_endpoint_type="hostname",
    )
    told = cluster.nodes[0].client().execute_command("CLUSTER", "SLOTS")
    assert told[0][2][0].endswith(b".test")
    assert isinstance(socket.inet_aton(cluster.nodes[0].address), bytes)
