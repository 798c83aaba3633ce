# SPDX-License-Identifier: Apache-2.0
"""Replies to the questions about topology that are none: an error is said, the watch goes on."""

import random

import pytest
from cluster import Cluster
from group import ReplicationGroup
from lab import Lab, endpoint
from peers import commands
from watcher import wait_until

WATCH = {"topology_interval": "1s", "backoff": {"initial": "100ms", "max": "1s"}}
PORT = 6379


def bulk(text):
    data = text if isinstance(text, bytes) else text.encode()
    return b"$%d\r\n%s\r\n" % (len(data), data)


def array(*items):
    return b"*%d\r\n%s" % (len(items), b"".join(items))


# Well-formed, and not what was asked for.
NONSENSE = {
    "an empty array": array(),
    "no array": b"*-1\r\n",
    "no string": b"$-1\r\n",
    "a number": b":7\r\n",
    "a status": b"+OK\r\n",
    "numbers": array(b":1\r\n", b":-2\r\n", b":3\r\n"),
    "strings": array(bulk("one"), bulk("two"), bulk("three")),
    "nested arrays": array(array(array(array()))),
    "arrays of three": array(*[array(b":0\r\n", b":99999\r\n", array(bulk("a"), b":-1\r\n"))] * 3),
    "many numbers": array(*[b":1\r\n"] * 5000),
    "binary": bulk(b"\x00\xff\x1b[2J\r\n|%s%n"),
    "a long string": bulk("x" * 100_000),
    "an unknown error": b"-WHAT is this\r\n",
}
# The same for what is text in its own format.
BAD_TEXT = {
    "lines without fields": bulk("\n\n:\n::\nrole\nrun_id:\n" * 100),
    "a role that is none": bulk("role:emperor\r\nrun_id:" + "z" * 5000 + "\r\nslave0:ip=,port=x"),
    "nodes that are none": bulk("x x x x x x x x x\n" * 1000),
    "slots that are none": bulk(
        f"{'a' * 40} 198.18.0.9:99999@1 master - 0 0 99999999999999999999 connected 5-3 0-99999 -\n"
    ),
}


class AlmostRedis:
    """Answers as a primary without replicas does, but for the commands that begin so."""

    def __init__(self, broken, reply):
        self.broken = broken
        self.reply = reply
        self.asked = 0  # how often for one of these

    def answer(self, words):
        command = words[0].upper()
        if command in self.broken:
            self.asked += 1
            return self.reply
        if command == "PING":
            return b"+PONG\r\n"
        if command == "ROLE":
            return array(bulk("master"), b":0\r\n", array())
        if command == "INFO":
            return bulk("redis_version:7.0.15\r\nrun_id:" + "1" * 40 + "\r\nrole:master\r\n")
        return b"-ERR unknown command\r\n"


def wait_said(watcher, name, *words):
    """Waits until a line about this endpoint has one of these words."""
    watcher.lines.wait(
        lambda line: name in line and any(word in line for word in words), f"{words} of {name}"
    )


def label(case):
    return case.replace(" ", "-")


# ------------------------------------------------------------------------------- ROLE and INFO


def is_told(command, reply):
    """Whether the reply is wrong by its form: any text may be INFO's, and an error is a refusal."""
    return reply[:1] in (b"*", b":") if command == "INFO" else reply[:1] != b"-"


@pytest.mark.parametrize("command", ["ROLE", "INFO"])
def test_nonsense_for_role_or_info_is_told_and_survived(lab, command):
    fakes = {
        label(case): AlmostRedis([command], reply) for case, reply in (NONSENSE | BAD_TEXT).items()
    }
    peers = {
        name: lab.peer(commands(fake.answer), PORT + number)
        for number, (name, fake) in enumerate(fakes.items())
    }
    watcher = lab.watch(*(endpoint(name, peer.url()) for name, peer in peers.items()), watch=WATCH)
    for name, fake in fakes.items():
        if is_told(command, fake.reply):
            wait_said(watcher, name, command)
            # Once is no proof that it goes on. INFO is asked for seldom.
            often = 3 if command == "ROLE" else 1
            wait_until(lambda: fake.asked >= often, f"questions to {name}")
        # With what it says it is not Redis, or its word is not needed; it is nothing else.
        assert set(watcher.path(name)) <= {"ok", "slow", "not_redis"}
        assert watcher.disconnects(name).keys() <= {"protocol"}
    for name, fake in fakes.items():
        fake.broken.clear()
        watcher.wait_node(name, peers[name].host_port, role="primary", condition="ok")
    assert watcher.running
    assert all(len(line) < 2000 and line.isprintable() for line in watcher.lines.all())


def test_replies_with_wrong_bytes_in_them_are_survived(lab):
    chance = random.Random(3)
    spoiled = []

    def spoil(data):
        made = bytearray(data)
        for _ in range(chance.randrange(4)):
            made[chance.randrange(len(made))] = chance.randrange(256)
        spoiled.append(made)
        return bytes(made)

    proxy = lab.proxy(lab.redis())
    names = [f"sessions-{number}" for number in range(10)]
    watcher = lab.watch_until_ok(
        *(endpoint(name, proxy.url()) for name in names),
        watch={**WATCH, "ping_interval": "200ms", "backoff": {"initial": "100ms", "max": "200ms"}},
    )
    proxy.spoil = spoil
    wait_until(lambda: len(spoiled) >= 300, "many replies")
    proxy.spoil = lambda data: data
    for name in names:
        watcher.wait_node(name, proxy.host_port, role="primary", condition="ok")
        # At most they look like those of another process at the same address.
        assert watcher.failovers(name).keys() <= {"restart", "failover"}
    assert all(line.isprintable() for line in watcher.lines.all())


# ----------------------------------------------------------------------------------- Sentinels


def test_a_sentinel_that_answers_nonsense_is_told_and_the_others_are_believed(fabric):
    group = ReplicationGroup(fabric)
    host = fabric.host()
    urls = {}
    for number, (case, reply) in enumerate(NONSENSE.items()):
        fake = AlmostRedis(["SENTINEL", "SUBSCRIBE", "PSUBSCRIBE"], reply)
        peer = fabric.peer(host, commands(fake.answer), 26379 + number)
        urls[label(case)] = group.url().replace("://", f"://{peer.host_port},")
    watcher = fabric.watch_until_ok(
        *(endpoint(name, url) for name, url in urls.items()), watch=WATCH
    )
    for name in urls:
        wait_until(lambda: watcher.endpoint(name)["confirmed"], f"confirmation of {name}")
        wait_said(watcher, name, "SENTINEL", "SUBSCRIBE")
    old = group.primary()
    mark, news = watcher.mark(), group.mark()
    group.sentinels[1].failover(group.name)
    new = group.wait_switch(old, news).primary
    for name in urls:
        watcher.wait_event("failover", name, mark)
        watcher.wait_primary(name, new.host_port)
        assert watcher.failovers(name) == {"switchover": 1}


LIES = [
    "mymaster 198.18.0.11 6379 198.18.0.99 6379",
    "mymaster 198.18.0.11 6379",
    "mymaster 198.18.0.11 6379 999.999.999.999 99999999",
    "mymaster 198.18.0.11 x 198.18.0.12 -1",
    "other 198.18.0.11 6379 198.18.0.12 6379",
    "",
    "\x00\x1b[2J",
    "mymaster " * 10_000,
]


def test_a_sentinel_that_publishes_nonsense_moves_nobody(fabric):
    group = ReplicationGroup(fabric)

    def serve(connection):
        def answer(words):
            if words[0].upper() not in ("SUBSCRIBE", "PSUBSCRIBE"):
                return AlmostRedis([], b"").answer(words)
            told = [
                array(bulk(words[0].lower()), bulk(channel), b":%d\r\n" % number)
                for number, channel in enumerate(words[1:], 1)
            ]
            for lie in LIES:
                for channel in ("+switch-master", "+odown", "+sdown", "+tilt", "+what"):
                    told.append(array(bulk("message"), bulk(channel), bulk(lie)))
                    told.append(array(bulk("pmessage"), bulk("*"), bulk(channel), bulk(lie)))
            told += [array(bulk("message")), array(), array(b":1\r\n", b":2\r\n", b":3\r\n")]
            return b"".join(told)

        commands(answer)(connection)

    liar = fabric.peer(fabric.host(), serve, 26379)
    url = group.url().replace("://", f"://{liar.host_port},")
    watcher = fabric.watch_until_ok(endpoint("orders", url), watch=WATCH)
    wait_until(lambda: liar.accepted >= 1, "connection to it")
    watcher.wait_probes("orders", 3)
    watcher.wait_primary("orders", group.primary().host_port)
    wait_until(lambda: watcher.endpoint("orders")["confirmed"], "confirmed primary")
    assert watcher.course("orders") == []
    assert watcher.failovers("orders") == {}
    assert all(len(line) < 2000 and line.isprintable() for line in watcher.lines.all())


# ------------------------------------------------------------------------------------- cluster


def test_a_seed_that_answers_nonsense_is_told_and_the_others_are_believed(fabric):
    cluster = Cluster(fabric)
    host = fabric.host()
    replies = NONSENSE | BAD_TEXT
    urls, alone = {}, {}
    for number, (case, reply) in enumerate(replies.items()):
        peer = fabric.peer(host, commands(AlmostRedis(["CLUSTER"], reply).answer), PORT + number)
        urls[label(case)] = cluster.url().replace("://", f"://{peer.host_port},")
        alone[f"alone-{label(case)}"] = peer.url("redis-cluster")
    watcher = fabric.watch(
        *(endpoint(name, url) for name, url in (urls | alone).items()), watch=WATCH
    )
    primaries = {node.host_port for node in cluster.nodes[:3]}
    for name in urls:
        wait_until(
            lambda: watcher.nodes(name, "primary").keys() == primaries, f"primaries of {name}"
        )
        watcher.wait_event("ok", name)
    for name in alone:
        wait_said(watcher, name, "CLUSTER")
        assert not watcher.endpoint(name)["up"]
    assert all(len(line) < 2000 and line.isprintable() for line in watcher.lines.all())


def test_a_cluster_of_more_nodes_than_any_has_is_told_and_takes_no_more_than_its_share(lab):
    nodes = "".join(
        f"{number:040x} 198.18.0.{number % 250 + 2}:{10000 + number}@1 master - 0 0 {number}"
        f" connected {number}\n"
        for number in range(16384)
    )
    fake = AlmostRedis([], b"")

    def answer(words):
        if words[0].upper() != "CLUSTER":
            return fake.answer(words)
        if words[1].upper() == "NODES":
            return bulk(nodes)
        if words[1].upper() == "INFO":
            return bulk("cluster_state:ok\r\ncluster_slots_assigned:16384\r\n")
        return b"-ERR unknown subcommand\r\n"

    lab.peer(commands(answer))
    good = lab.redis(lab.other_address)
    watcher = lab.watch(
        endpoint("catalog", f"redis-cluster://{Lab.address}:{PORT}"),
        endpoint("good", good.url()),
        watch=WATCH,
    )
    watcher.wait_event("ok", "good")
    watcher.wait_probes("good", 5)
    assert watcher.course("good") == []
    # There is a bound, far below what was named, and it is said.
    wait_said(watcher, "catalog", "CLUSTER")
    assert len(watcher.endpoint("catalog")["nodes"]) <= 2000
    assert watcher.running
