# SPDX-License-Identifier: Apache-2.0
"""apt install ./relinkd_*.deb on a clean Debian, and relinkd's life as the service of it."""

import base64
import json
import pathlib
import re
import shutil
import ssl
import subprocess
import urllib.request

import package
import pytest
from collector import PATIENCE, wait_until
from package import CONFIG, DEB, apt, run
from systemd import journal, main_pid, show, systemctl, wait_journal

SERVICE = "relinkd.service"
DROP_IN = CONFIG.parent / "conf.d/test.toml"
GOOD = '[[endpoint]]\nname = "sessions"\nurl = "redis://127.0.0.1:6379"\n'
BAD = '[[endpoint]]\nname = "sessions"\nurl = "rediz://127.0.0.1:6379"\n'
HALF_OPEN = "e8d2b818116f4c22b7ec445ef3886fac"
STARTED = "40433440581845d286e08a91f864a7bf"


@pytest.fixture(scope="module", autouse=True)
def clean_install():
    """The package on a system that has nothing of what it depends on."""
    assert not package.installed("dbus") and not package.installed("libhiredis0.14")
    apt("install", DEB)


@pytest.fixture
def relinkd():
    """The service, running with a configuration of one endpoint."""
    DROP_IN.write_text(GOOD)
    systemctl("reset-failed", SERVICE, check=False)
    systemctl("restart", SERVICE)
    yield SERVICE
    DROP_IN.unlink()


def milliseconds(unit: str, what: str) -> float:
    return int(show(unit, f"{what}TimestampMonotonic")) / 1000


def wait_restarted(pid: int, patience: float = PATIENCE) -> None:
    def restarted() -> bool:
        return show(SERVICE, "ActiveState") == "active" and main_pid(SERVICE) not in (0, pid)

    wait_until(restarted, "another process of relinkd", patience)


def endpoints() -> list[str]:
    status = json.loads(run("relinkctl", "status", "--json"))
    return [endpoint["name"] for endpoint in status["endpoints"]]


# ------------------------------------------------------------------------------------------ install


def test_the_service_runs_once_the_package_is_installed():
    assert show(SERVICE, "ActiveState") == "active"
    assert show(SERVICE, "UnitFileState") == "enabled"
    assert show("relinkd-actuator.socket", "ActiveState") == "active"
    assert show("relinkd-actuator.service", "ActiveState") == "inactive"
    assert "running" in run("systemctl", "is-system-running", check=False)
    took = milliseconds(SERVICE, "ActiveEnter") - milliseconds(SERVICE, "ExecMainStart")
    print(f"from its start to READY=1: {took:.0f} ms")
    assert took < 10_000


def test_no_library_is_missing():
    for program in ("/usr/sbin/relinkd", "/usr/sbin/relinkd-actuator", "/usr/bin/relinkctl"):
        assert "not found" not in run("ldd", program)
        assert re.search(r"\d+\.\d+\.\d+", run(program, "--version"))


def test_metrics_answer():
    with urllib.request.urlopen("http://127.0.0.1:10121/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    assert 'relinkd_endpoint_condition{endpoint="127.0.0.1:6379",condition="refused"} 1' in text


def test_the_command_works_without_further_ado():
    assert endpoints() == ["127.0.0.1:6379"]


def test_the_units_are_as_systemd_likes_them():
    for unit in (SERVICE, "relinkd-actuator.service", "relinkd-actuator.socket"):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], check=True,
                              capture_output=True, text=True)
        assert done.stderr == ""


# ------------------------------------------------------------------------------------------- reload


def test_a_reload_is_over_when_the_new_configuration_holds(relinkd):
    pid = main_pid(relinkd)
    DROP_IN.write_text(GOOD + GOOD.replace("sessions", "orders"))
    systemctl("reload", relinkd)
    assert endpoints() == ["sessions", "orders"]
    assert main_pid(relinkd) == pid


def test_a_bad_file_fails_the_reload_with_its_errors_and_changes_nothing(relinkd):
    DROP_IN.write_text(BAD)
    assert "failed" in systemctl("reload", relinkd, check=False)
    assert show(relinkd, "ActiveState") == "active"
    assert endpoints() == ["sessions"]
    told = [line["MESSAGE"] for line in journal("_SYSTEMD_UNIT=relinkd.service")]
    assert any(f"{DROP_IN}:3:" in line and "rediz" in line for line in told), "\n".join(told)


def test_a_bad_file_at_start_is_told_and_not_tried_again(relinkd):
    DROP_IN.write_text(BAD)
    systemctl("restart", relinkd, check=False)
    wait_until(lambda: show(relinkd, "ActiveState") == "failed", "failed start")
    assert show(relinkd, "ExecMainStatus") == "78"
    assert show(relinkd, "NRestarts") == "0"
    DROP_IN.write_text(GOOD)
    systemctl("start", relinkd)


# --------------------------------------------------------------------------------- the metrics port


KEY = CONFIG.parent / "metrics.key"
CREDENTIALS = pathlib.Path("/etc/systemd/system/relinkd.service.d/credentials.conf")


@pytest.fixture
def certificate():
    """A key that belongs to root alone, and its certificate."""
    apt("install", "openssl")
    made = KEY.with_suffix(".pem")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", "/CN=relinkd", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", KEY, "-out", made)
    KEY.chmod(0o600)
    yield made
    KEY.unlink()
    made.unlink()


def protected(certificate: pathlib.Path, key: pathlib.Path | str, users: pathlib.Path | None = None) -> str:
    table = f'{GOOD}[metrics]\ntls = {{ cert_file = "{certificate}", key_file = "{key}" }}\n'
    return table + (f'users_file = "{users}"\n' if users else "")


def scrape(certificate: pathlib.Path, password: str = "") -> str:
    basic = base64.b64encode(f"prometheus:{password}".encode()).decode()
    request = urllib.request.Request("https://127.0.0.1:10121/metrics",
                                     headers={"Authorization": f"Basic {basic}"})
    trust = ssl.create_default_context(cafile=str(certificate))
    with urllib.request.urlopen(request, timeout=PATIENCE, context=trust) as answer:
        return answer.read().decode()


def test_a_key_of_root_alone_is_refused_and_one_for_its_group_is_read(relinkd, certificate):
    DROP_IN.write_text(protected(certificate, KEY))
    assert "failed" in systemctl("reload", relinkd, check=False)
    assert any(f"metrics.tls.key_file {KEY} cannot be read: Permission denied" in line["MESSAGE"]
               for line in journal(f"_PID={main_pid(relinkd)}"))
    users = KEY.with_suffix(".users")
    users.write_text("prometheus:" + run("openssl", "passwd", "-6", "a long password"))
    # As docs/OPERATIONS.md says.
    for file in (KEY, users):
        shutil.chown(file, "root", "relinkd")
        file.chmod(0o640)
    DROP_IN.write_text(protected(certificate, KEY, users))
    systemctl("reload", relinkd)
    assert "relinkd_build_info" in scrape(certificate, "a long password")
    users.unlink()


def test_a_key_of_root_alone_is_handed_over_as_a_credential(relinkd, certificate):
    CREDENTIALS.parent.mkdir(exist_ok=True)
    CREDENTIALS.write_text(f"[Service]\nLoadCredential=metrics.key:{KEY}\n")
    systemctl("daemon-reload")
    DROP_IN.write_text(protected(certificate, "/run/credentials/relinkd.service/metrics.key"))
    systemctl("restart", relinkd)
    assert "relinkd_build_info" in scrape(certificate)
    CREDENTIALS.unlink()
    systemctl("daemon-reload")


# -------------------------------------------------------------------------------------- how it ends


def test_killed_it_is_started_again(relinkd):
    pid = main_pid(relinkd)
    systemctl("kill", "--signal=KILL", relinkd)
    wait_restarted(pid)
    assert endpoints() == ["sessions"]


def test_frozen_it_is_ended_by_the_watchdog_and_started_again(relinkd):
    pid = main_pid(relinkd)
    systemctl("kill", "--signal=STOP", relinkd)
    wait_restarted(pid, patience=30 + 2 * PATIENCE)
    told = [line["MESSAGE"] for line in journal(f"UNIT={relinkd}")]
    assert any("Watchdog timeout" in line for line in told), told
    assert endpoints() == ["sessions"]


def test_ending_again_and_again_it_is_given_up_until_somebody_starts_it(relinkd):
    systemctl("reset-failed", relinkd)
    for _ in range(10):
        pid = main_pid(relinkd)
        systemctl("kill", "--signal=KILL", relinkd)
        wait_until(lambda before=pid: show(relinkd, "ActiveState") == "failed" or (
            show(relinkd, "ActiveState") == "active" and main_pid(relinkd) not in (0, before)),
            "restart or an end to them")
        if show(relinkd, "ActiveState") == "failed":
            break
    assert show(relinkd, "ActiveState") == "failed"
    assert any("Start request repeated too quickly" in line["MESSAGE"]
               for line in journal(f"UNIT={relinkd}"))
    systemctl("reset-failed", relinkd)
    systemctl("start", relinkd)
    assert endpoints() == ["sessions"]


def test_it_ends_in_order(relinkd):
    systemctl("stop", relinkd)
    assert (show(relinkd, "ActiveState"), show(relinkd, "Result")) == ("inactive", "success")
    done = run("relinkctl", "status", check=False)
    assert "systemctl start relinkd" in done


# ------------------------------------------------------------------------------------- what it tells


def test_its_entries_have_fields_and_catalog_texts(relinkd):
    entry = wait_journal(f"_PID={main_pid(relinkd)}", "RELINKD_CONDITION=refused")
    assert entry["RELINKD_ENDPOINT"] == "sessions"
    assert entry["RELINKD_NODE"] == "127.0.0.1:6379"
    assert entry["SYSLOG_IDENTIFIER"] == "relinkd" and entry["_SYSTEMD_UNIT"] == relinkd
    assert len(entry["MESSAGE_ID"]) == 32 and entry["RELINKD_INCIDENT"]
    explained = run("journalctl", "--no-pager", "-x", f"MESSAGE_ID={entry['MESSAGE_ID']}")
    assert "Defined-By: relinkd" in explained and "What to do:" in explained
    assert "sessions: " in explained  # of the subject


def test_every_text_of_the_catalog_is_known():
    listed = run("journalctl", "--no-pager", "--list-catalog")
    for message_id in (HALF_OPEN, STARTED):
        assert message_id in listed


def test_a_restart_of_journald_loses_no_later_line(relinkd):
    systemctl("restart", "systemd-journald.service")
    DROP_IN.write_text(GOOD + GOOD.replace("sessions", "orders"))
    systemctl("reload", relinkd)
    wait_journal(f"_PID={main_pid(relinkd)}", "RELINKD_ENDPOINT=orders")


def test_a_restart_of_the_bus_is_nothing_to_it(relinkd):
    pid = main_pid(relinkd)
    systemctl("restart", "dbus.service")
    assert main_pid(relinkd) == pid
    assert endpoints() == ["sessions"]
