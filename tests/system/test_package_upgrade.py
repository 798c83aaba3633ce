# SPDX-License-Identifier: Apache-2.0
"""Upgrade in the middle of a failover, remove, and purge, after which nothing is left."""

import os
import pathlib
import subprocess

import package
import pytest
from collector import wait_until
from far_redis import AppUnit, FarRedis, endpoint, write_configuration
from package import CONFIG, DEB, apt, run
from systemd import SCRATCH, main_pid, show, systemctl, wait_journal

SERVICE = "relinkd.service"
SENTINEL_PORT = 26379
OWN_LINE = "# A line of the administrator's.\n"
RECOVERED = "77e72b7404634b2caf7d83c7bb655fec"
# Where a running system writes by itself, and what package tools keep as copies.
NOT_COMPARED = {"/proc", "/sys", "/dev", "/run", "/tmp", "/relinkd", "/var/log", "/var/cache",
                "/var/lib/apt", "/var/lib/dpkg", "/var/lib/systemd", "/root", "/var/tmp"}


def files() -> set[str]:
    """All there are, but for copies of the lists of users."""
    found = set()
    for folder, folders, names in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in NOT_COMPARED]
        found |= {os.path.join(folder, name) for name in folders + names}
    copies = {f"/etc/{name}-" for name in ("passwd", "shadow", "group", "gshadow")}
    return {one for one in found if not one.endswith(".pyc") and "__pycache__" not in one} - copies


def people() -> str:
    return run("getent", "passwd") + run("getent", "group")


def named_relinkd() -> list[str]:
    """What has the name, but for what the tests put there."""
    told = run("find", "/", "-xdev", "-name", "*relinkd*", "-not", "-path", "/relinkd*",
               "-not", "-path", "/proc/*", "-not", "-path", "/var/lib/apt/*", check=False)
    told += run("find", "/run", "-name", "*relinkd*", "-not", "-path", f"{SCRATCH}*", check=False)
    ours = "relinkd-tests"
    return [line for line in told.splitlines() if line.startswith("/") and ours not in line]


@pytest.fixture(scope="module", autouse=True)
def before():
    """What there is when all that the package depends on is installed, and it is not."""
    apt("install", DEB, "redis-server")
    systemctl("disable", "--now", "redis-server.service")
    apt("purge", "relinkd")
    assert named_relinkd() == []
    assert "relinkd" not in people()
    return files(), people()


@pytest.fixture(scope="module")
def newer(tmp_path_factory) -> pathlib.Path:
    return package.newer_deb(tmp_path_factory.mktemp("newer"))


class Sentinel:
    """One, beside relinkd, that watches a primary and its replica."""

    def __init__(self, primary: FarRedis) -> None:
        folder = SCRATCH / "sentinel"
        folder.mkdir()
        config = folder / "sentinel.conf"
        config.write_text(f"port {SENTINEL_PORT}\ndir {folder}\nlogfile {folder}/log\n"
                          f"sentinel monitor mymaster {primary.address} 6379 1\n"
                          "sentinel down-after-milliseconds mymaster 1000\n"
                          "sentinel failover-timeout mymaster 10000\n")
        self._process = subprocess.Popen(["redis-server", config, "--sentinel"])
        wait_until(lambda: "num-slaves\n1" in self.cli("master"), "Sentinel that knows the replica")

    @staticmethod
    def cli(command: str) -> str:
        done = subprocess.run(["redis-cli", "-p", str(SENTINEL_PORT), "sentinel", command,
                               "mymaster"], text=True, capture_output=True, check=False)
        return done.stdout

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def test_an_upgrade_in_the_middle_of_a_failover_loses_nothing(units, newer):
    apt("install", DEB)
    pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    first, second = FarRedis(0), FarRedis(1)
    sentinel = None
    try:
        second.cli("replicaof", first.address, "6379")
        wait_until(lambda: "state=online" in first.cli("info", "replication"), "replica")
        sentinel = Sentinel(first)
        app = AppUnit(units, first)
        CONFIG.write_text(CONFIG.read_text() + OWN_LINE)
        write_configuration(
            CONFIG.parent, endpoint(f"redis-sentinel://127.0.0.1:{SENTINEL_PORT}#mymaster"),
            AppUnit.configuration("destroy-sockets"))
        wait_journal(f"_PID={main_pid(SERVICE)}", f"RELINKD_NODE={first.address}:6379",
                     "RELINKD_CONDITION=ok")
        before = main_pid(SERVICE)

        first.vanish()
        apt("install", newer)

        assert main_pid(SERVICE) not in (0, before)
        assert run("dpkg-query", "-W", "-f=${Version}", "relinkd").endswith("+newer")
        assert OWN_LINE in CONFIG.read_text()
        wait_until(lambda: second.address in sentinel.cli("get-master-addr-by-name"), "failover")
        app.wait_lines("connected", "ECONNABORTED", *app.lines()[2:], patience=120)
        wait_journal(f"_PID={main_pid(SERVICE)}", f"MESSAGE_ID={RECOVERED}")
        status = run("relinkctl", "status", "--json")
        assert f"{second.address}:6379" in status
    finally:
        for each in (sentinel, second, first):
            if each:
                each.close()


def test_an_upgrade_restarts_an_actuator_that_runs_and_keeps_its_socket(newer):
    apt("install", "--reinstall", "--allow-downgrades", DEB)
    systemctl("start", "relinkd-actuator.service")
    actuator = main_pid("relinkd-actuator.service")
    listening_since = show("relinkd-actuator.socket", "ActiveEnterTimestampMonotonic")
    apt("install", newer)
    assert main_pid("relinkd-actuator.service") not in (0, actuator)
    assert show("relinkd-actuator.socket", "ActiveEnterTimestampMonotonic") == listening_since


def test_a_service_that_was_stopped_and_disabled_stays_so(newer):
    systemctl("disable", "--now", SERVICE)
    apt("install", "--reinstall", "--allow-downgrades", DEB)
    assert show(SERVICE, "ActiveState") == "inactive"
    assert show(SERVICE, "UnitFileState") == "disabled"
    systemctl("enable", "--now", SERVICE)


def test_removed_it_runs_no_more_and_its_configuration_stays():
    apt("remove", "relinkd")
    for unit in (SERVICE, "relinkd-actuator.service", "relinkd-actuator.socket"):
        assert show(unit, "ActiveState") == "inactive"
    assert not pathlib.Path("/usr/sbin/relinkd").exists()
    assert OWN_LINE in CONFIG.read_text()
    assert pathlib.Path("/var/lib/relinkd/state.json").exists()
    assert "running" in run("systemctl", "is-system-running", check=False)


def test_installed_again_it_has_its_configuration():
    apt("install", DEB)
    assert OWN_LINE in CONFIG.read_text()
    assert show(SERVICE, "ActiveState") == "active"


def test_purged_it_leaves_no_file_no_user_and_no_group(before):
    run("relinkctl", "sysctl", "apply", check=False)
    assert pathlib.Path("/etc/sysctl.d/90-relinkd.conf").exists()
    (CONFIG.parent / "sessions.pass").write_text("a password of the administrator's")
    apt("purge", "relinkd")
    assert named_relinkd() == []
    had, users = before
    assert files() - had == set()
    assert people() == users
    assert run("systemctl", "--failed", "--no-legend") == ""
