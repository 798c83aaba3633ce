# SPDX-License-Identifier: Apache-2.0
"""relinkd as a service without privileges, that watches the redis-server.service of this system."""

import json
import pathlib
import subprocess

import pytest
from actuator_service import CONFIG, FOLDER, USER, make_user
from systemd import journal, main_pid, show, systemctl, wait_journal
from watcher import program, wait_until

SERVICE = "relinkd.service"
CONFIGURATION = """\
[[endpoint]]
name = "sessions"
url = "redis://127.0.0.1:6379"
"""


@pytest.fixture
def relinkd(units):
    make_user()
    CONFIG.parent.mkdir(exist_ok=True)
    CONFIG.write_text(CONFIGURATION)
    units.write(SERVICE, Service={
        "Type": "notify", "User": USER, "Group": USER, "CapabilityBoundingSet": "",
        "NoNewPrivileges": "yes", "StateDirectory": "relinkd", "ReadWritePaths": str(FOLDER),
        "ExecStart": f"{program('relinkd')} --config {CONFIG}",
        "ExecReload": f"{program('relinkctl')} reload"})
    FOLDER.chmod(0o770)  # relinkd makes its socket there
    systemctl("start", SERVICE)
    return SERVICE


@pytest.fixture
def stalled(relinkd):
    """The line that tells that the server hangs. By now it goes on."""
    wait_journal(*of_this_run("RELINKD_ENDPOINT=sessions", "RELINKD_CONDITION=ok"))
    systemctl("kill", "--signal=STOP", "redis-server.service")
    try:
        return wait_journal(*of_this_run("RELINKD_CONDITION=stalled"))
    finally:
        systemctl("kill", "--signal=CONT", "redis-server.service")


def status() -> dict:
    done = subprocess.run([program("relinkctl"), "status", "--json"], check=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def of_this_run(*matches: str) -> tuple[str, ...]:
    return (f"_PID={main_pid(SERVICE)}", *matches)


def test_started_means_ready(relinkd):
    assert show(relinkd, "ActiveState") == "active"
    # Ready includes the control socket.
    assert [endpoint["name"] for endpoint in status()["endpoints"]] == ["sessions"]
    assert "1 endpoint" in show(relinkd, "StatusText")
    process = pathlib.Path(f"/proc/{main_pid(relinkd)}/status").read_text()
    assert f"CapEff:\t{0:016x}\n" in process


def test_its_lines_are_found_by_their_fields(relinkd, stalled):
    assert stalled["_SYSTEMD_UNIT"] == relinkd
    assert stalled["RELINKD_NODE"] == "127.0.0.1:6379"
    assert stalled["MESSAGE"].startswith("sessions: 127.0.0.1:6379 stalled: ")
    assert len(stalled["MESSAGE_ID"]) == 32
    # One id tells the story of one incident.
    incident = f"RELINKD_INCIDENT={stalled['RELINKD_INCIDENT']}"
    wait_until(lambda: len(journal(incident)) > 1, "end of the incident")
    first, *_, last = journal(incident)
    assert first["RELINKD_CONDITION"] == "stalled"
    assert last["RELINKD_CONDITION"] in ("slow", "ok")


def test_an_incident_is_told_as_a_timeline(stalled):
    incident = stalled["RELINKD_INCIDENT"]
    command = [program("relinkctl"), "incidents"]

    def told() -> dict:
        done = subprocess.run([*command, "--json"], check=True, stdout=subprocess.PIPE)
        [found] = [i for i in json.loads(done.stdout)["incidents"] if i["incident"] == incident]
        return found

    wait_until(lambda: told()["end"], "verified end of the incident")
    events = [line["event"] for line in told()["timeline"]]
    assert events[0] == "stalled" and events[-1] in ("slow", "ok"), events
    assert not told()["began_before_since"]
    shown = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert f"{incident}: endpoint sessions\n  began " in shown and ", over after " in shown
    assert stalled["MESSAGE"] in shown

    # Of group relinkd only.
    refused = subprocess.run(
        ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", *command],
        capture_output=True, text=True, check=False)
    assert refused.returncode == 3 and refused.stdout == ""
    assert "systemd-journal" in refused.stderr


def test_a_reload_is_over_when_the_new_configuration_holds(relinkd):
    pid = main_pid(relinkd)
    CONFIG.write_text(CONFIGURATION + CONFIGURATION.replace("sessions", "orders"))
    systemctl("reload", relinkd)
    assert [endpoint["name"] for endpoint in status()["endpoints"]] == ["sessions", "orders"]
    assert "2 endpoints" in show(relinkd, "StatusText")
    assert main_pid(relinkd) == pid


def test_a_bad_configuration_fails_the_reload_and_changes_nothing(relinkd):
    CONFIG.write_text(CONFIGURATION.replace("redis://", "rediz://"))
    assert "failed" in systemctl("reload", relinkd, check=False)
    assert show(relinkd, "ActiveState") == "active"
    assert [endpoint["name"] for endpoint in status()["endpoints"]] == ["sessions"]


def test_it_ends_in_order(relinkd):
    systemctl("stop", relinkd)
    assert (show(relinkd, "ActiveState"), show(relinkd, "Result")) == ("inactive", "success")
    assert not (FOLDER / "control.sock").exists()
