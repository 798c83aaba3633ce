# SPDX-License-Identifier: Apache-2.0
"""The ladder of an app: one action after the other, mildest first, until one is verified to have
helped. There is no systemd here: tests/system has reload and restart that succeed."""

import time

import pytest
from lab import app, endpoint
from relinks import Relinks

NAME = "sessions"
APP = "checkout"
PORT = 6379
DESTROY = "destroy-sockets"


@pytest.fixture
def server(lab):
    return lab.redis()


def watch(lab, server, *actions, **settings):
    one = app(APP, NAME, actions=actions, verify_within="3s", **settings)
    watcher = lab.watch_until_ok(endpoint(NAME, server.url()), apps=[one])
    return watcher, Relinks(watcher, APP, NAME)


def kill_its_flow(lab, relinks, application):
    relinks.wait_seen(application)
    lab.faults.cut_flows(PORT, only=application.ports())


def signals(application):
    return [one for one in application.reports.all() if one.event == "signal"]


def test_an_app_that_does_not_reconnect_is_helped_by_the_first_action_that_works(lab, server):
    watcher, relinks = watch(
        lab, server, DESTROY, "reload", "signal:SIGUSR1", "restart", expect_connections=True
    )
    application = lab.application(catches=["SIGUSR1"])
    client = application.to(server).repeat("INCR", "a", gives_up=True)
    kill_its_flow(lab, relinks, application)
    cut = time.monotonic()

    # Destroyed, it has no connection, and does not come back by itself.
    application.wait("gave_up")
    application.wait("signal", value="SIGUSR1")
    client.wait_success(begun_after=cut)
    story = relinks.wait_recovered()
    assert relinks.counts() == {
        (DESTROY, "not_recovered"): 1,
        ("reload", "failed"): 1,
        ("signal", "recovered"): 1,
    }
    # In this order, and the restart was not needed.
    told = [(one.event, one.action) for one in story if one.action]
    assert told == sorted(told, key=lambda t: [DESTROY, "reload", "signal"].index(t[1]))
    assert len(signals(application)) == 1
    assert watcher.actuator.acted("restart") == []
    watcher.wait_probes(NAME, 4)
    assert len(signals(application)) == 1


def test_an_action_that_helped_is_the_last(lab, server):
    watcher, relinks = watch(lab, server, DESTROY, "signal:SIGUSR1", expect_connections=True)
    application = lab.application(catches=["SIGUSR1"])
    client = application.to(server).repeat("INCR", "a")
    kill_its_flow(lab, relinks, application)
    client.wait_success(begun_after=time.monotonic())
    relinks.wait_recovered()
    assert relinks.counts() == {(DESTROY, "recovered"): 1}
    watcher.wait_probes(NAME, 6)
    assert signals(application) == []


def test_a_signal_that_nobody_catches_is_not_sent(lab, server):
    watcher, relinks = watch(lab, server, DESTROY, "signal:SIGUSR1", expect_connections=True)
    # It would end by the signal.
    application = lab.application()
    application.to(server).repeat("INCR", "a", gives_up=True)
    kill_its_flow(lab, relinks, application)
    application.wait("gave_up")
    relinks.wait("relink_failed", action="signal")
    assert relinks.counts() == {(DESTROY, "not_recovered"): 1, ("signal", "failed"): 1}
    assert application.running
    # Nothing is left to be tried, and nothing is tried again.
    watcher.wait_probes(NAME, 6)
    assert relinks.counts() == {(DESTROY, "not_recovered"): 1, ("signal", "failed"): 1}
    assert len(watcher.actuator.acted()) == 2


def test_a_person_can_order_a_relink_and_see_before_what_it_would_be(lab, server):
    watcher, relinks = watch(lab, server, DESTROY)
    application = lab.application()
    client = application.to(server).repeat("INCR", "a")
    relinks.wait_seen(application)
    before = [one.identity for one in application.sockets()]

    dry = watcher.relinkctl("relink", APP, "--dry-run")
    assert dry.returncode == 0 and DESTROY in dry.stdout, dry
    assert relinks.counts() == {}
    assert [one.identity for one in application.sockets()] == before

    assert watcher.relinkctl("relink", APP).returncode == 0
    relinks.wait("relink_recovered")
    client.wait_success(begun_after=time.monotonic())
    assert not set(before) & {one.identity for one in application.sockets()}
    assert watcher.relinkctl("relink", "chekout").returncode != 0
