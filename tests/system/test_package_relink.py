# SPDX-License-Identifier: Apache-2.0
"""The installed services make an application reconnect after a real half-open connection."""

import urllib.request

import pytest
from collector import PATIENCE, wait_until
from far_redis import AppUnit, FarRedis, endpoint, write_configuration
from package import CONFIG, DEB, apt
from systemd import main_pid, show, systemctl, wait_journal

ACTUATOR = "relinkd-actuator.service"
RECOVERED = "77e72b7404634b2caf7d83c7bb655fec"


@pytest.fixture(scope="module", autouse=True)
def install():
    apt("install", DEB, "redis-server")
    # It is there for its program.
    systemctl("disable", "--now", "redis-server.service")


@pytest.fixture(scope="module")
def server():
    made = FarRedis()
    yield made
    made.close()


@pytest.fixture
def cut(units, server):
    """cut("reload", …): an app with these actions, whose connection is then cut."""
    def cut_app(*actions: str, before=lambda: None) -> AppUnit:
        app = AppUnit(units, server)
        write_configuration(CONFIG.parent, endpoint(server.url), AppUnit.configuration(*actions))
        wait_journal(*of_this_run("RELINKD_ENDPOINT=sessions", "RELINKD_CONDITION=ok"))
        before()
        server.cut_flows()
        return app

    yield cut_app
    server.repair()


def of_this_run(*matches: str) -> tuple[str, ...]:
    return (f"_PID={main_pid('relinkd.service')}", *matches)


def wait_recovered() -> dict:
    """The last word on the app, which was found to have reconnected."""
    return wait_journal(*of_this_run("RELINKD_APP=checkout", f"MESSAGE_ID={RECOVERED}"))


def test_a_dead_connection_is_ended_and_the_app_reconnects(cut):
    app = cut("destroy-sockets")
    app.wait_lines("connected", "ECONNABORTED", "connected")
    entry = wait_recovered()
    assert entry["RELINKD_ENDPOINT"] == "sessions" and "destroy-sockets" in entry["MESSAGE"]
    done = wait_journal("SYSLOG_IDENTIFIER=relinkd-actuator", "RELINKD_RESULT=done")
    assert done["_SYSTEMD_UNIT"] == ACTUATOR and done["_UID"] == "0"
    assert done["RELINKD_INCIDENT"] == entry["RELINKD_INCIDENT"]


def test_an_app_that_does_not_react_is_reloaded_signalled_and_restarted(cut):
    systemctl("restart", "relinkd.service")
    app = cut("reload", "signal:SIGUSR1", "restart")
    first = app.pid
    app.wait_lines("connected", "reloaded", "signalled", "connected", patience=120)
    assert app.pid not in (0, first)
    assert "restart" in wait_recovered()["MESSAGE"]


def test_relinkd_restarted_twice_still_has_its_orders_carried_out(cut):
    def restart_twice() -> None:
        for _ in range(2):
            systemctl("restart", "relinkd.service")
        wait_journal(*of_this_run("RELINKD_ENDPOINT=sessions", "RELINKD_CONDITION=ok"))

    app = cut("destroy-sockets", before=restart_twice)
    app.wait_lines("connected", "ECONNABORTED", "connected")
    wait_recovered()
    assert show("relinkd-actuator.socket", "ActiveState") == "active"


def test_the_actuator_ends_when_nobody_needs_it_and_the_next_order_starts_it(cut):
    # Programs in the kernel stand as long as relinkd listens to them, and so does the actuator.
    systemctl("stop", "relinkd.service")
    wait_until(lambda: show(ACTUATOR, "ActiveState") == "inactive", "idle exit", 90 + PATIENCE)
    assert show(ACTUATOR, "Result") == "success"
    assert show("relinkd-actuator.socket", "SubState") == "listening"
    systemctl("start", "relinkd.service")
    app = cut("destroy-sockets")
    app.wait_lines("connected", "ECONNABORTED", "connected")
    assert show(ACTUATOR, "ActiveState") == "active"


def test_a_lost_bus_costs_no_later_order(cut):
    systemctl("restart", "dbus.service")
    systemctl("restart", "relinkd.service")
    app = cut("restart")
    app.wait_lines("connected", "connected", patience=120)
    wait_recovered()


def test_the_kernel_tells_of_its_connections_and_looks_after_them(units, server):
    """From within the actuator's sandbox."""
    AppUnit(units, server)
    write_configuration(
        CONFIG.parent, endpoint(server.url), AppUnit.configuration("destroy-sockets")
    )

    def shown() -> set[str]:
        with urllib.request.urlopen("http://127.0.0.1:10121/metrics", timeout=PATIENCE) as answer:
            return set(answer.read().decode().splitlines())

    expected = {
        "relinkd_trace_active 1",
        'relinkd_tuned_sockets{app="checkout",endpoint="sessions"} 1',
        'relinkd_app_unprotected_sockets{app="checkout",endpoint="sessions"} 0',
    }
    wait_until(lambda: expected <= shown(), f"{expected} in the metrics")
