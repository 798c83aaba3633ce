# SPDX-License-Identifier: Apache-2.0
"""What passes by itself within a moment: at most slow, and the same connection afterwards."""

import signal
import time

import pytest
from lab import endpoint

PORT = 6379
# Each disturbance comes at several moments between two PINGs.
PHASES = [0.0, 0.3, 0.6, 0.9]


@pytest.fixture
def server(lab):
    return lab.redis()


@pytest.fixture
def watcher(lab, server):
    return lab.watch_until_ok(endpoint("sessions", server.url()))


@pytest.fixture
def unshaken(server, watcher):
    """Afterwards: nothing but slow was told, and no connection was replaced."""
    before = {c["id"] for c in server.watchers()}
    mark = watcher.mark()
    yield
    watcher.wait_probes("sessions", 3)
    assert watcher.course("sessions", mark) == []
    assert watcher.disconnects("sessions") == {}
    assert before <= {c["id"] for c in server.watchers()}
    assert watcher.endpoint("sessions")["up"]


def test_a_server_stopped_for_300_ms(server, watcher, unshaken):
    for phase in PHASES:
        watcher.wait_probes("sessions", 1)
        time.sleep(phase)
        server.freeze()
        time.sleep(0.3)
        server.thaw()


def test_one_lost_packet(lab, watcher, unshaken):
    for _ in range(3):
        lab.faults.drop_one_request(PORT)
        watcher.wait_probes("sessions", 2)
        assert lab.faults.dropped() == 1
        lab.faults.repair()


def test_two_percent_loss_for_30_s(lab, server):
    # Enough packets for some to be lost: one endpoint alone loses none in one run of ten.
    names = [f"sessions-{number}" for number in range(10)]
    watcher = lab.watch_until_ok(*(endpoint(name, server.url()) for name in names))
    before = {c["id"] for c in server.watchers()}
    mark = watcher.mark()
    lab.faults.lose(2)
    time.sleep(30)
    assert lab.faults.dropped() > 0
    lab.faults.repair()
    watcher.wait_probes(names[0], 3)
    for name in names:
        assert watcher.course(name, mark) == []
        assert watcher.disconnects(name) == {}
    assert before <= {c["id"] for c in server.watchers()}


@pytest.mark.parametrize("end", ["client", "server"])
def test_a_link_down_for_300_ms(lab, watcher, unshaken, end):
    for phase in PHASES:
        watcher.wait_probes("sessions", 1)
        time.sleep(phase)
        lab.faults.interrupt_link(end, 0.3)


def test_relinkd_itself_stopped_for_5_s(watcher, unshaken):
    with watcher.unscraped():
        watcher.signal(signal.SIGSTOP)
        time.sleep(5)
        watcher.signal(signal.SIGCONT)
        # The notice that it is late is no evidence against the server.
        watcher.wait_probes("sessions", 1)
