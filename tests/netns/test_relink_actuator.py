# SPDX-License-Identifier: Apache-2.0
"""relinkd while its actuator is absent, slow, or killed in the middle of an order. What the actuator
refuses is in test_actuator.py."""

import signal
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


def watch(lab, server, **options):
    watcher = lab.watch_until_ok(endpoint(NAME, server.url()), apps=[app(APP, NAME)], **options)
    application = lab.application()
    busy = application.to(server).repeat("INCR", "a")
    relinks = Relinks(watcher, APP, NAME)
    relinks.wait_seen(application)
    return watcher, relinks, application, busy


def test_without_an_actuator_relinkd_decides_and_reports(lab, server):
    watcher, relinks, application, busy = watch(lab, server, with_actuator=False)
    watcher.wait_event("actuator_lost")
    lab.faults.cut_flows(PORT, only=application.ports())
    relinks.wait("relink_decided")
    busy.wait_hanging(5)
    assert relinks.counts() == {(DESTROY, "no_actuator"): 1}
    # It comes, and what is dead then is ended.
    watcher.actuator.start()
    watcher.wait_event("actuator_back")
    mark = watcher.mark()
    other = lab.application()
    again = other.to(server).repeat("INCR", "b")
    lab.faults.cut_flows(PORT, only=other.ports())
    again.wait_success(begun_after=time.monotonic())
    relinks.wait("relink_recovered", mark)


def test_a_slow_actuator_delays_and_nothing_is_ordered_twice(lab, server):
    watcher, relinks, application, busy = watch(lab, server)
    watcher.actuator.signal(signal.SIGSTOP)
    lab.faults.cut_flows(PORT, only=application.ports())
    relinks.wait("relink_decided")
    busy.wait_hanging(3)
    # relinkd itself goes on.
    watcher.wait_probes(NAME, 2)
    watcher.actuator.signal(signal.SIGCONT)
    busy.wait_success(begun_after=time.monotonic())
    relinks.wait_recovered()
    assert len(watcher.actuator.acted(DESTROY)) == 1


def test_an_actuator_that_is_killed_in_mid_order_is_said_and_missed_no_longer_than_it_is_away(
    lab, server
):
    watcher, relinks, application, busy = watch(lab, server)
    watcher.actuator.signal(signal.SIGSTOP)
    lab.faults.cut_flows(PORT, only=application.ports())
    relinks.wait("relink_decided")
    watcher.actuator.kill()
    watcher.wait_event("actuator_lost")
    assert relinks.counts() == {(DESTROY, "no_actuator"): 1}
    watcher.actuator.start()
    watcher.wait_event("actuator_back")
    mark = watcher.mark()
    other = lab.application()
    again = other.to(server).repeat("INCR", "b")
    lab.faults.cut_flows(PORT, only=other.ports())
    again.wait_success(begun_after=time.monotonic())
    relinks.wait("relink_recovered", mark)
    del busy
