# SPDX-License-Identifier: Apache-2.0
"""relinkd is killed and started again: it goes on where it was, and does nothing twice."""

import signal
import time

import pytest
from application import APP_UID
from group import ReplicationGroup
from lab import app, endpoint
from relinks import Relinks

NAME = "sessions"
APP = "checkout"
PORT = 6379
DESTROY = "destroy-sockets"


@pytest.fixture
def server(lab):
    return lab.redis()


def watch(lab, server, **settings):
    watcher = lab.watch_until_ok(endpoint(NAME, server.url()), apps=[app(APP, NAME, **settings)])
    return watcher, Relinks(watcher, APP, NAME)


def kill_and_start(watcher):
    watcher.kill()
    watcher.start()


def test_killed_in_mid_ladder_it_goes_on_with_the_next_rung(lab, server):
    watcher, relinks = watch(
        lab, server,
        actions=[DESTROY, "signal:SIGUSR1"], expect_connections=True, verify_within="5s",
    )
    application = lab.application(catches=["SIGUSR1"])
    client = application.to(server).repeat("INCR", "a", gives_up=True)
    relinks.wait_seen(application)
    lab.faults.cut_flows(PORT, only=application.ports())
    cut = time.monotonic()
    incident = relinks.wait("relink_decided").incident
    application.wait("gave_up")
    kill_and_start(watcher)

    application.wait("signal", value="SIGUSR1")
    client.wait_success(begun_after=cut)
    recovered = relinks.wait("relink_recovered")
    assert recovered.incident == incident
    assert len(watcher.actuator.acted(DESTROY)) == 1
    assert len(watcher.actuator.acted("signal")) == 1
    watcher.wait_probes(NAME, 6)
    assert sum(one.event == "signal" for one in application.reports.all()) == 1


def test_killed_after_an_order_it_does_not_give_it_again(lab, server):
    watcher, relinks = watch(lab, server)
    application = lab.application()
    busy = application.to(server).repeat("INCR", "a")
    relinks.wait_seen(application)
    # The order is given, and whether it is carried out is not known when relinkd is killed.
    watcher.actuator.signal(signal.SIGSTOP)
    lab.faults.cut_flows(PORT, only=application.ports())
    incident = relinks.wait("relink_decided").incident
    busy.wait_hanging(2)
    watcher.kill()
    watcher.actuator.signal(signal.SIGCONT)
    busy.wait_success(begun_after=time.monotonic())
    watcher.start()
    recovered = relinks.wait("relink_recovered")
    assert recovered.incident == incident
    assert len(watcher.actuator.acted(DESTROY)) == 1


def test_an_open_breaker_stays_open(lab, server):
    watcher, relinks = watch(lab, server)
    application = lab.application()
    busy = application.to(server).repeat("INCR", "a")
    relinks.wait_seen(application)
    lab.faults.drop_data_of_user(APP_UID, PORT)
    relinks.wait("breaker_opened")
    acted = len(watcher.actuator.acted(DESTROY))
    kill_and_start(watcher)
    assert relinks.breaker_open()
    busy.wait_hanging(5)
    watcher.wait_probes(NAME, 6)
    assert relinks.breaker_open()
    assert len(watcher.actuator.acted(DESTROY)) == acted


def test_a_pause_outlives_a_restart(lab, server):
    watcher, relinks = watch(lab, server)
    assert watcher.relinkctl("pause").returncode == 0
    kill_and_start(watcher)
    application = lab.application()
    busy = application.to(server).repeat("INCR", "a")
    relinks.wait_seen(application)
    lab.faults.cut_flows(PORT, only=application.ports())
    busy.wait_hanging(5)
    assert watcher.status()["paused"] is True
    assert watcher.actuator.acted() == []


def test_who_was_at_the_old_primary_before_the_restart_is_known_after_it(fabric):
    """Without that it would look like a reader of replicas."""
    group = ReplicationGroup(fabric)
    watcher = fabric.watch_until_ok(endpoint(NAME, group.url()), apps=[app(APP, NAME)])
    relinks = Relinks(watcher, APP, NAME)
    application = fabric.application()
    seeds = [[one.address, one.port] for one in group.sentinels]
    reader = application.connect("primary", seeds=seeds, primary=group.name)
    reader.repeat("GET", "a", pause=0.1)
    relinks.wait_seen(application)
    before = application.sockets()
    # What is kept for a restart is written a moment later.
    watcher.wait_probes(NAME, 3)
    watcher.kill()
    group.fail_over_gently(fabric)
    watcher.start()
    relinks.wait("relink_recovered")
    assert not {one.identity for one in before} & {one.identity for one in application.sockets()}
