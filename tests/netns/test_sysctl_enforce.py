# SPDX-License-Identifier: Apache-2.0
"""[sysctl] enforce: a value that drifted is put back by the actuator, and that is said."""

import pytest
from collector import wait_until
from lab import app, endpoint
from watcher import NOBODY

KEY = "net.ipv4.tcp_retries2"
NAME = "sessions"
APPS = [app("checkout", NAME)]


def value(lab) -> int:
    return int(lab.client.run("sysctl", "-n", KEY))


@pytest.fixture
def watch(lab):
    server = lab.redis()

    def start(mode: str = "", **sysctl):
        tables = {"sysctl": {"check_interval": "1s", **sysctl}}
        return lab.watch_until_ok(endpoint(NAME, server.url()), apps=APPS, mode=mode, tables=tables)

    return start


def ok(watcher) -> bool:
    return watcher.scrape().value("relinkd_sysctl_ok", key=KEY) == 1


def test_a_value_that_drifted_is_put_back_and_that_is_said_once(lab, watch):
    lab.client.set_sysctl(KEY, 5)
    watcher = watch(enforce=True)
    assert ok(watcher)
    lab.client.set_sysctl(KEY, 15)
    said = watcher.wait_event("sysctl_applied")
    assert f"{KEY} had drifted: it was 15 and is 5 again, put back" in said.message
    assert value(lab) == 5
    wait_until(lambda: ok(watcher), "metric of the value")
    assert any(f"sysctl {KEY}" in line and "is 5 again" in line
               for line in watcher.actuator.log().splitlines())
    watcher.wait_probes(NAME, 4)
    assert len([e for e in watcher.events.all() if e.event.startswith("sysctl_")]) == 1

    # Who sets it again and again is told, and not fought with.
    lab.client.set_sysctl(KEY, 14)
    told = watcher.wait_event("sysctl_not_applied")
    assert f"{KEY} is 14, 5 is wanted" in told.message
    watcher.wait_probes(NAME, 4)
    assert value(lab) == 14 and not ok(watcher)


def test_at_the_start_it_is_put_back_too(lab, watch):
    lab.client.set_sysctl(KEY, 15)
    watcher = watch(enforce=True)
    watcher.wait_event("sysctl_applied")
    assert value(lab) == 5


@pytest.mark.parametrize("how", [
    {"enforce": False}, {"enforce": True, "mode": "observe"}], ids=["not asked for", "observe"])
def test_otherwise_it_is_only_told(lab, watch, how):
    watcher = watch(**how)
    watcher.wait_event("sysctl_not_applied")
    watcher.wait_probes(NAME, 4)
    assert value(lab) == 15 and not ok(watcher)


def test_while_relinkd_is_paused_it_is_only_told(lab, watch):
    lab.client.set_sysctl(KEY, 5)
    watcher = watch(enforce=True)
    assert watcher.relinkctl("pause").returncode == 0
    lab.client.set_sysctl(KEY, 15)
    watcher.wait_event("sysctl_not_applied")
    watcher.wait_probes(NAME, 4)
    assert value(lab) == 15
    assert watcher.relinkctl("resume").returncode == 0
    watcher.wait_event("sysctl_applied")
    assert value(lab) == 5


def test_what_the_actuators_own_configuration_does_not_say_it_does_not_do(lab, watch):
    watcher = watch(enforce=False)
    watcher.wait_event("sysctl_not_applied")
    orderer = watcher.actuator.connect(NOBODY)
    for key in (KEY, "kernel.sysrq", "net.ipv4.ip_forward"):
        answer = orderer.order({"kind": "sysctl", "key": key})
        assert answer["result"] == "refused", answer
    assert value(lab) == 15
