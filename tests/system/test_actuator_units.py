# SPDX-License-Identifier: Apache-2.0
"""What relinkd-actuator asks of a real systemd, as a service with one capability."""

import pathlib

import pytest
from actuator_service import SERVICE, ActuatorService, App, order_of
from systemd import SCRATCH, main_pid, show, systemctl, wait_journal
from watcher import PATIENCE, wait_until

HOOK = "hook.service"
TOUCHED = SCRATCH / "touched"
TOUCH = f'/bin/sh -c "echo once >>{TOUCHED}"'


@pytest.fixture
def actuator(units):
    TOUCHED.unlink(missing_ok=True)
    made = ActuatorService(units)
    yield made
    made.close()


def touched() -> int:
    return TOUCHED.read_text().count("once") if TOUCHED.exists() else 0


def wait_touched() -> None:
    wait_until(lambda: touched() > 0, f"line in {TOUCHED}")


def answer_to(actuator: ActuatorService, action: str, **app: object) -> dict:
    """To the order for the app's only action."""
    actuator.configure(action, **app)
    actuator.listen()
    return actuator.connect().order(order_of(action))


# --------------------------------------------------------------------------------- reload, restart


def test_a_reload_runs_what_the_unit_has_for_it(units, actuator):
    app = App(units, ExecReload=TOUCH)
    pid = app.pid
    answer = answer_to(actuator, "reload")
    assert answer["result"] == "done", answer
    # The job is over, so it has been run.
    assert touched() == 1
    assert app.pid == pid


def test_a_unit_that_cannot_be_reloaded_is_left_alone(units, actuator):
    app = App(units)
    pid = app.pid
    answer = answer_to(actuator, "reload")
    assert answer["result"] == "refused"
    assert answer["detail"].startswith("checkout.service has no ExecReload=")
    assert app.pid == pid


def test_a_reload_that_fails_is_said_to_have_failed(units, actuator):
    app = App(units, ExecReload="/bin/false")
    pid = app.pid
    answer = answer_to(actuator, "reload")
    assert (answer["result"], answer["detail"]) == (
        "failed", "systemd's reload of checkout.service: failed")
    assert app.pid == pid


def test_a_unit_that_does_not_run_is_not_reloaded(units, actuator):
    app = App(units, ExecReload=TOUCH)
    systemctl("stop", app.name)
    answer = answer_to(actuator, "reload")
    assert (answer["result"], answer["detail"]) == (
        "failed", "systemd's reload of checkout.service: it does not run")
    assert touched() == 0 and show(app.name, "ActiveState") == "inactive"


def test_a_unit_that_does_not_exist_is_said_to(actuator):
    answer = answer_to(actuator, "reload")
    assert answer["result"] == "failed"
    assert answer["detail"] == "systemd has no such unit as checkout.service (not-found)"


def test_a_restart_gives_the_unit_another_process(units, actuator):
    app = App(units)
    pid = app.pid
    answer = answer_to(actuator, "restart")
    assert answer["result"] == "done", answer
    assert app.pid not in (0, pid)


def test_a_restart_that_fails_is_said_to_have_failed(units, actuator):
    app = App(units)
    units.write(app.name, Service={"Type": "exec", "ExecStart": "/nonexistent"})
    answer = answer_to(actuator, "restart")
    assert (answer["result"], answer["detail"]) == (
        "failed", "systemd's restart of checkout.service: failed")


# ------------------------------------------------------------------------------------------- start


def test_a_hook_has_run_when_its_start_is_done(units, actuator):
    units.write(HOOK, Service={"Type": "oneshot", "ExecStart": TOUCH})
    answer = answer_to(actuator, f"start:{HOOK}")
    assert answer["result"] == "done", answer
    assert touched() == 1


@pytest.mark.parametrize("service", [
    {"ExecStart": "/bin/false"},
    {"ExecStart": "/bin/sleep 1000", "TimeoutStartSec": "1"},
], ids=["fails", "takes longer than its TimeoutStartSec"])
def test_a_hook_that_fails_is_said_to_have_failed(units, actuator, service):
    units.write(HOOK, Service={"Type": "oneshot", **service})
    answer = answer_to(actuator, f"start:{HOOK}")
    assert answer["result"] == "failed"
    assert answer["detail"].startswith(f"systemd's start of {HOOK}: ")


def test_a_hook_that_does_not_exist_is_said_to(actuator):
    answer = answer_to(actuator, f"start:{HOOK}")
    assert answer["result"] == "failed"
    assert HOOK in answer["detail"]


# ------------------------------------------------------------------------------------------ signal


def test_a_signal_reaches_a_process_that_catches_it(units, actuator):
    app = App(units, catches="SIGUSR1")
    answer = answer_to(actuator, "signal:SIGUSR1")
    assert answer["result"] == "done", answer
    app.wait_line("signalled")


def test_a_signal_that_would_kill_is_not_sent(units, actuator):
    app = App(units, catches="SIGUSR1")
    pid = app.pid
    answer = answer_to(actuator, "signal:SIGHUP")
    assert answer["result"] == "not_caught"
    assert str(pid) in answer["detail"]
    assert app.pid == pid


def test_a_unit_that_does_not_run_gets_no_signal(units, actuator):
    app = App(units, catches="SIGUSR1")
    systemctl("stop", app.name)
    answer = answer_to(actuator, "signal:SIGUSR1")
    assert (answer["result"], answer["detail"]) == (
        "failed", "checkout.service has no main process")


# ----------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("action", [f"start:{HOOK}", "restart", "reload", "signal:SIGUSR1"])
def test_what_the_app_does_not_list_is_refused(units, actuator, action):
    app = App(units, catches="SIGUSR1", ExecReload=TOUCH)
    pid = app.pid
    units.write(HOOK, Service={"Type": "oneshot", "ExecStart": TOUCH})
    actuator.configure("start:another.service")
    actuator.listen()
    answer = actuator.connect().order(order_of(action))
    assert answer["result"] == "refused"
    # A restart or a reload would be over by now, and a signal sent.
    assert touched() == 0 and app.pid == pid and "signalled" not in app.lines()


def test_in_mode_observe_no_unit_is_touched(units, actuator):
    App(units, ExecReload=TOUCH)
    answer = answer_to(actuator, "reload", mode="observe")
    assert answer["result"] == "refused"
    assert touched() == 0


# ----------------------------------------------------------------------------------------- sockets


def test_a_unit_is_known_by_the_cgroup_that_systemd_gave_it(units, actuator):
    app, other = App(units), App(units, "other.service")
    actuator.configure("destroy-sockets")
    actuator.listen()
    orderer = actuator.connect()
    answer = orderer.order(other.destroy())
    assert answer["result"] == "refused"
    assert "/system.slice/other.service" in answer["detail"]
    answer = orderer.order(app.destroy())
    assert answer["result"] == "done", answer
    app.wait_line("ECONNABORTED")
    assert len(other.lines()) == 1


# ----------------------------------------------------------------------------------------- trouble


def test_an_order_that_takes_long_keeps_no_other_waiting_and_is_given_up(units, actuator):
    app = App(units, catches="SIGUSR1", ExecReload=[TOUCH, "/bin/sleep 1000"])
    actuator.configure("reload", "signal:SIGUSR1")
    actuator.listen()
    orderer = actuator.connect()
    reload = orderer.send(order_of("reload"))
    signal = orderer.send(order_of("signal:SIGUSR1"))
    answer = orderer.receive()
    assert (answer["id"], answer["result"]) == (signal, "done")
    app.wait_line("signalled")
    orderer.socket.settimeout(30 + PATIENCE)
    answer = orderer.receive()
    assert (answer["id"], answer["result"]) == (reload, "failed")
    assert answer["detail"].startswith("checkout.service took longer than 30")
    assert touched() == 1


def test_killed_in_the_middle_it_is_started_again_by_the_next_order(units, actuator):
    App(units, ExecReload=[TOUCH, "/bin/sleep 1000"])
    actuator.configure("reload")
    actuator.listen()
    orderer = actuator.connect()
    assert orderer.order({"kind": "support"})["result"] == "done"
    first = main_pid(SERVICE)
    orderer.send(order_of("reload"))
    wait_touched()
    systemctl("kill", "--signal=KILL", SERVICE)
    orderer.assert_closed()
    assert actuator.connect().order({"kind": "support"})["result"] == "done"
    assert main_pid(SERVICE) not in (0, first)


def test_a_lost_bus_ends_an_order_and_not_the_next(units, actuator):
    App(units, catches="SIGUSR1", ExecReload=[TOUCH, "/bin/sleep 1000"])
    actuator.configure("reload", "signal:SIGUSR1")
    actuator.listen()
    orderer = actuator.connect()
    reload = orderer.send(order_of("reload"))
    wait_touched()
    systemctl("kill", "--signal=KILL", "dbus.service")
    answer = orderer.receive()
    assert (answer["id"], answer["result"]) == (reload, "failed")
    assert answer["detail"].startswith("the system bus was lost")
    assert orderer.order(order_of("signal:SIGUSR1"))["result"] == "done"


# ------------------------------------------------------------------------------------- what is told


def test_what_it_did_and_what_it_refused_is_in_the_journal(units, actuator):
    App(units, ExecReload=TOUCH)
    actuator.configure("reload")
    actuator.listen()
    orderer = actuator.connect()
    orderer.order(order_of("reload", incident="sessions-7"))
    entry = wait_journal("RELINKD_INCIDENT=sessions-7")
    assert entry["_SYSTEMD_UNIT"] == SERVICE
    told = {key: entry[f"RELINKD_{key}"] for key in ("APP", "ENDPOINT", "ACTION", "RESULT")}
    assert told == {"APP": "checkout", "ENDPOINT": "sessions", "ACTION": "reload", "RESULT": "done"}
    orderer.order(order_of("restart", incident="sessions-8"))
    entry = wait_journal("RELINKD_INCIDENT=sessions-8")
    assert (entry["RELINKD_RESULT"], entry["PRIORITY"]) == ("refused", "4")


def test_it_has_no_right_but_one(actuator):
    actuator.configure("reload")
    actuator.listen()
    answer = actuator.connect().order({"kind": "support"})
    assert "units are reloaded, restarted, started and signalled by systemd" in answer["detail"]
    status = pathlib.Path(f"/proc/{main_pid(SERVICE)}/status").read_text()
    cap_net_admin = 1 << 12
    assert f"CapEff:\t{cap_net_admin:016x}\n" in status
    assert show(SERVICE, "StatusText") == answer["detail"]
