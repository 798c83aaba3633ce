# SPDX-License-Identifier: Apache-2.0
"""Servers that are not Redis, or mean harm: named as what they are, without growth or crash."""

import os
import time

import pytest
from lab import Lab, endpoint
from peers import flood, http, replies, trickle
from watcher import wait_until

NAME = "sessions"
URL = f"redis://{Lab.address}:6379"
# What the daemon may grow by, whatever is sent to it: KiB of RSS, and of address space.
GROWTH = 8 * 1024
RESERVED = 64 * 1024


@pytest.fixture
def bounded(lab):
    """A watcher beside a good server, whose memory is looked at before and after."""
    good = lab.redis(lab.other_address)
    watcher = lab.watch(
        endpoint(NAME, URL),
        endpoint("good", good.url()),
        watch={"backoff": {"initial": "100ms", "max": "200ms"}},
    )
    watcher.wait_event("ok", "good")
    watcher.wait_event("refused", NAME)
    resident, virtual = watcher.memory_kib("VmHWM"), watcher.memory_kib("VmPeak")
    yield watcher
    assert watcher.memory_kib("VmHWM") - resident < GROWTH
    assert watcher.memory_kib("VmPeak") - virtual < RESERVED
    # The other endpoint knows nothing of it.
    assert set(watcher.path("good")) <= {"ok", "slow"}
    assert watcher.disconnects("good") == {}


PONG = b"+PONG\r\n"
NOT_REDIS = {
    "http": http,
    # The first byte is none that begins a reply: of those, the rest would be waited for.
    "garbage": replies(lambda request: b"\x00" + os.urandom(200).replace(b"\r", b"x")),
    "huge array": replies(lambda request: b"*2147483647\r\n"),
    "huge array after a good answer": replies(lambda request: PONG + b"*2147483647\r\n"),
    "nested arrays": replies(lambda request: b"*1\r\n" * 100000),
    "1 GB bulk": replies(lambda request: b"$1073741824\r\n" + b"x" * 100000),
    "negative bulk": replies(lambda request: b"$-5\r\n"),
    "endless line": flood(b"a" * 65536, b"+"),
    "endless bytes": flood(b"\xff" * 65536),
    "endless bulk": flood(b"a" * 65536, b"$1073741824\r\n"),
    "endless answers that nobody asked for": flood(PONG * 1000),
}


@pytest.mark.parametrize("script", NOT_REDIS.values(), ids=[n.replace(" ", "-") for n in NOT_REDIS])
def test_what_is_not_redis_is_told_as_such(lab, bounded, script):
    peer = lab.peer(script)
    found = bounded.wait_event("not_redis", NAME)
    print(found.message)
    assert found.message.isprintable()
    assert len(found.message) < 500
    bounded.wait_disconnected(NAME, "protocol")
    # Several times over: what leaks, leaks each time.
    before = peer.accepted
    wait_until(lambda: peer.accepted >= before + 10, "ten more attempts")


def test_one_byte_a_second_is_slow_or_stalled_or_not_redis(lab, bounded):
    lab.peer(trickle())
    told = ("slow", "stalled", "not_redis")
    bounded.events.wait(lambda e: e.endpoint == NAME and e.event in told, "word of it")
    time.sleep(10)
    assert set(bounded.course(NAME)) <= {"refused", "stalled", "not_redis", "ok"}


def test_a_server_that_accepts_and_says_nothing(lab, bounded):
    lab.peer(replies(lambda request: None))
    bounded.wait_event("stalled", NAME)


def test_a_server_that_closes_at_once(lab, bounded):
    peer = lab.peer(lambda connection: None)
    bounded.wait_event("peer_closed", NAME)
    before, began = peer.accepted, time.monotonic()
    wait_until(lambda: peer.accepted >= before + 20, "twenty more attempts")
    # With back-off they take 2 s on average, without it no time at all; two watch the endpoint.
    assert time.monotonic() - began > 0.3


def test_a_real_server_in_its_place_is_ok(lab, bounded):
    peer = lab.peer(http)
    bounded.wait_event("not_redis", NAME)
    peer.close()
    lab.redis()
    bounded.wait_event("ok", NAME)
