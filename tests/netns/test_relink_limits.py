# SPDX-License-Identifier: Apache-2.0
"""How much is done at a time, and when no more is done: reconnect_rate, replacements that die, and
the breaker."""

import time

import pytest
from application import APP_UID
from collector import wait_until
from lab import app, endpoint
from relinks import Relinks

NAME = "sessions"
APP = "checkout"
PORT = 6379
DESTROY = "destroy-sockets"
MANY = 200
RATE = 40  # sockets a second


@pytest.fixture
def server(lab):
    return lab.redis()


def watch(lab, server, settings=None, **endpoint_settings):
    watcher = lab.watch_until_ok(
        endpoint(NAME, server.url(), **endpoint_settings), apps=[app(APP, NAME, **(settings or {}))]
    )
    return watcher, Relinks(watcher, APP, NAME)


def most_in_a_second(times):
    return max(sum(start <= t < start + 1 for t in times) for start in times)


def test_two_hundred_dead_connections_come_back_at_the_reconnect_rate(lab, server):
    watcher, relinks = watch(lab, server, reconnect_rate=RATE)
    application = lab.application()
    clients = application.pool(server, MANY)
    for one in clients:
        one.repeat("INCR", "a", pause=0.5)
    relinks.wait_seen(application)
    old = application.sockets()
    assert len(old) == MANY
    # Not by their ports, which a new connection may get.
    cookies = {one.cookie for one in old}

    # The whole node is away for a moment; when it is back, these connections are forgotten.
    lab.faults.drop_requests()
    watcher.wait_event("unreachable", NAME)
    mark = time.time()
    lab.faults.repair_except(PORT, sorted(one.local_port for one in old))
    wait_until(lambda: not any(one.cookie in cookies for one in application.sockets()),
               f"end of all {MANY}", patience=120)
    wait_until(lambda: len(application.ports()) == MANY, f"return of all {MANY}")

    new = set(application.ports())
    times = [p.time for p in lab.tap.connects(PORT, mark) if p.source_port in new]
    assert len(times) == MANY
    print(f"{MANY} connects in {max(times) - min(times):.1f} s, {most_in_a_second(times)} at most"
          " in a second")
    # A burst of a tenth of the rate, and what a busy machine may delay into the next second.
    assert most_in_a_second(times) <= 1.5 * RATE
    relinks.wait("relink_recovered")
    # Each was ended once.
    assert relinks.ended() == MANY
    after = time.monotonic()
    for one in clients:
        one.wait_success(begun_after=after)


def test_after_three_replacements_that_die_again_relinkd_stops_and_says_so(lab, server):
    watcher, relinks = watch(lab, server)
    application = lab.application()
    busy = application.to(server).repeat("INCR", "a")
    relinks.wait_seen(application)

    # Connections can be made; what is sent over them is lost.
    lab.faults.drop_data_of_user(APP_UID, PORT)
    opened = relinks.wait("breaker_opened")
    assert "3 replacements" in opened.message
    assert relinks.breaker_open()
    # The first one, and at most three in its place.
    acted = len(watcher.actuator.acted(DESTROY))
    assert 3 <= acted <= 4
    busy.wait_hanging(8)
    assert len(watcher.actuator.acted(DESTROY)) == acted
    assert relinks.view()["breaker_open"] is True

    # A person has looked, and says so.
    assert watcher.relinkctl("reset", APP).returncode == 0
    relinks.wait("breaker_closed")
    wait_until(lambda: len(watcher.actuator.acted(DESTROY)) > acted, "one more attempt")
    lab.faults.repair()
    busy.wait_success(begun_after=time.monotonic())
    # relinkd's own connections had no such trouble.
    assert watcher.course(NAME) in ([], ["ok"])


def test_more_relinks_in_an_hour_than_allowed_open_the_breaker(lab, server):
    # Relinks within min_interval are one.
    watcher, relinks = watch(lab, server, {"max_relinks_per_hour": 2, "min_interval": "1s"})
    application = lab.application()
    busy = application.to(server).repeat("INCR", "a")
    for _ in range(2):
        relinks.wait_seen(application)
        mark = watcher.mark()
        lab.faults.cut_flows(PORT, only=application.ports())
        busy.wait_success(begun_after=time.monotonic())
        relinks.wait_recovered(mark)
        time.sleep(1)
    relinks.wait_seen(application)
    lab.faults.cut_flows(PORT, only=application.ports())
    relinks.wait("breaker_opened")
    busy.wait_hanging(5)
    assert len(watcher.actuator.acted(DESTROY)) == 2
    assert relinks.suppressed()["breaker"] == 1
    assert watcher.relinkctl("reset", APP).returncode == 0
    busy.wait_success(begun_after=time.monotonic())
    assert not relinks.breaker_open()
