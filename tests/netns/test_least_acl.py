# SPDX-License-Identifier: Apache-2.0
"""The users that README.md gives are enough for everything: nothing is ever refused to them."""

import pathlib
import re

import pytest
from cluster import Cluster
from group import ReplicationGroup
from lab import Lab, endpoint
from watcher import wait_until

NAME = "sessions"
WATCH = {"topology_interval": "1s", "backoff": {"initial": "100ms", "max": "1s"}}
README = pathlib.Path(__file__).resolve().parents[2] / "README.md"


def users():
    """The rules of README.md: of the user for servers, and of that for Sentinels."""
    rules = re.findall(r"^ACL SETUSER (relinkd .+)$", README.read_text(), re.M)
    for_sentinels = [rule for rule in rules if "+sentinel" in rule]
    for_servers = [rule for rule in rules if "+sentinel" not in rule]
    assert len(for_servers) == 1, for_servers
    return for_servers[0], *for_sentinels


def set_user(server, rule, password):
    words = rule.replace("PASSWORD", password).split()
    server.client().execute_command("ACL", "SETUSER", *words)
    assert password not in rule


def refused(server):
    """What the server has refused to relinkd's user."""
    return {e["object"] for e in server.client().acl_log() if e["username"] == "relinkd"}


def test_there_is_a_user_for_sentinels():
    assert len(users()) == 2


@pytest.mark.parametrize(
    "settings", [{}, {"announcements": True, "watch_replicas": True}], ids=["defaults", "all"]
)
def test_the_user_for_servers_is_never_refused_anything(lab, settings):
    password = lab.secret()
    primary, replica = (
        lab.redis(address, bind_source_addr=address, repl_diskless_sync_delay=0)
        for address in (Lab.address, Lab.other_address)
    )
    replica.client().replicaof(primary.address, primary.port)
    wait_until(lambda: replica.follows(primary), "link of the replica")
    for server in (primary, replica):
        set_user(server, users()[0], password)
    file = lab.secret_file(password)
    watcher = lab.watch_until_ok(
        endpoint(NAME, primary.url(user="relinkd"), password={"file": file}, **settings),
        watch=WATCH,
    )
    watcher.wait_node(NAME, primary.host_port, role="primary")
    if settings:
        watcher.wait_node(NAME, replica.host_port, part="replica", role="replica")
    mark = watcher.mark()
    primary.client().execute_command("FAILOVER", "TO", replica.address, replica.port)
    watcher.wait_event("read_only", NAME, mark)
    watcher.wait_event("primary_named", NAME, mark)
    for server in (primary, replica):
        assert refused(server) == set()
        assert {c["user"] for c in server.watchers()} == {"relinkd"}


def test_of_what_the_user_for_servers_may_nothing_is_idle(lab):
    """Without any one of its rights it is refused just that."""
    password = lab.secret()
    rule = users()[0]
    # Those that a cluster is asked for are tried on a cluster; the others on any server.
    rights = [w[1:] for w in rule.split() if w.startswith("+") and not w.startswith("+cluster")]
    assert "ping" in rights
    servers = {right: lab.redis(port=6400 + n) for n, right in enumerate(rights)}
    for right, server in servers.items():
        words = [word for word in rule.split() if word != f"+{right}"]
        set_user(server, " ".join(words), password)
    file = lab.secret_file(password)
    watcher = lab.watch(
        *(
            endpoint(server.host_port, server.url(user="relinkd"), announcements=True,
                     password={"file": file})
            for server in servers.values()
        ),
        watch=WATCH,
    )
    for right, server in servers.items():
        wait_until(lambda: refused(server) == {right}, f"refusal of {right}")
    # Only PING is necessary.
    for right, server in servers.items():
        watcher.wait_event("auth_failed" if right == "ping" else "ok", server.host_port)


def test_both_users_are_enough_with_sentinels(fabric):
    password, sentinels_password = fabric.secret(), fabric.secret()
    group = ReplicationGroup(fabric)
    for server in group.servers:
        set_user(server, users()[0], password)
    for sentinel in group.sentinels:
        set_user(sentinel, users()[1], sentinels_password)
    file = fabric.secret_file(sentinels_password)
    watcher = fabric.watch_until_ok(
        endpoint(
            NAME, group.url(group.sentinels[1]).replace("://", "://relinkd@"),
            watch_replicas=True,
            password={"file": fabric.secret_file(password)},
            sentinel={"user": "relinkd", "password": {"file": file}},
        ),
        watch=WATCH,
    )
    wait_until(lambda: watcher.endpoint(NAME)["confirmed"], "confirmed primary")
    wait_until(lambda: len(watcher.nodes(NAME, "replica")) == 2, "watch of the replicas")
    old = group.primary()
    mark, news = watcher.mark(), group.mark()
    group.sentinels[1].failover(group.name)
    new = group.wait_switch(old, news).primary
    watcher.wait_event("failover", NAME, mark)
    watcher.wait_primary(NAME, new.host_port)
    for server in (*group.servers, *group.sentinels):
        assert refused(server) == set(), server.host_port
        # The old primary is watched again when the new one knows it as its replica.
        wait_until(
            lambda: {c["user"] for c in server.watchers()} == {"relinkd"},
            f"watch of {server.host_port}",
        )


def test_the_user_for_servers_is_enough_in_a_cluster(fabric):
    password = fabric.secret()
    cluster = Cluster(fabric)
    for node in cluster.nodes:
        set_user(node, users()[0], password)
    url = cluster.url().replace("://", "://relinkd@")
    watcher = fabric.watch_until_ok(
        endpoint(NAME, url, watch_replicas=True, password={"file": fabric.secret_file(password)}),
        watch=WATCH,
    )
    wait_until(lambda: len(watcher.nodes(NAME, "replica")) == 3, "watch of the replicas")
    mark = watcher.mark()
    cluster.failover(cluster.replica_of(cluster.nodes[0]))
    watcher.wait_event("failover", NAME, mark)
    for node in cluster.nodes:
        assert refused(node) == set(), node.host_port
