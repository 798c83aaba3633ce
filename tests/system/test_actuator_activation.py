# SPDX-License-Identifier: Apache-2.0
"""systemd starts relinkd-actuator by its socket, and it ends when nobody has asked for a minute."""

import pytest
from actuator import Orderer, as_user
from actuator_service import SERVICE, SOCKET, ActuatorService
from systemd import main_pid, show
from watcher import NOBODY, PATIENCE, wait_until

SUPPORT = {"kind": "support"}


@pytest.fixture
def actuator(units):
    made = ActuatorService(units)
    made.configure("reload")
    made.listen()
    yield made
    made.close()


def test_an_order_starts_it_and_idleness_ends_it(actuator):
    assert show(SERVICE, "ActiveState") == "inactive"
    orderer = actuator.connect()
    assert orderer.order(SUPPORT)["result"] == "done"
    first = main_pid(SERVICE)
    orderer.close()
    wait_until(lambda: show(SERVICE, "ActiveState") == "inactive", "idle exit", 60 + PATIENCE)
    assert show(SERVICE, "Result") == "success"
    assert show("relinkd-actuator.socket", "SubState") == "listening"
    assert actuator.connect().order(SUPPORT)["result"] == "done"
    assert main_pid(SERVICE) not in (0, first)


def test_nobody_else_can_reach_it(actuator):
    with as_user(NOBODY), pytest.raises(PermissionError):
        Orderer(SOCKET)
    assert show(SERVICE, "ActiveState") == "inactive"
