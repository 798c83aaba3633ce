# SPDX-License-Identifier: Apache-2.0
"""An upgrade of the package in the middle of a failover, its removal, and its purge."""

import pathlib

import package
import pytest
from collector import wait_until
from far_redis import PORT, AppUnit, FarRedis, endpoint, write_configuration
from package import CONFIG, DEB, apt, newer_deb, run
from systemd import main_pid, show, systemctl, wait_journal

SERVICE = "relinkd.service"
SOCKET = "relinkd-actuator.socket"
# What a purge must not leave, and what comes with use.
NAMED = ("/usr/sbin/relinkd*", "/usr/bin/relinkctl", "/etc/relinkd", "/var/lib/relinkd", "/run/relinkd",
         "/lib/systemd/system/relinkd*", "/usr/lib/systemd/catalog/relinkd*", "/usr/share/relinkd",
         "/usr/share/doc/relinkd", "/usr/share/man/man*/relink*", "/usr/lib/sysusers.d/relinkd*",
         "/usr/lib/tmpfiles.d/relinkd*", "/etc/sysctl.d/90-relinkd.conf",
         "/etc/systemd/system/*/relinkd.service", "/etc/systemd/system/*/relinkd-actuator*",
         "/var/lib/systemd/deb-systemd-helper-enabled/*relinkd*")


def left() -> list[str]:
    return [str(path) for pattern in NAMED for path in pathlib.Path("/").glob(pattern[1:])]


@pytest.fixture(scope="module", autouse=True)
def install():
    apt("install", DEB, "redis-server")
    # It is there for its program.
    systemctl("disable", "--now", "redis-server.service")


def test_an_upgrade_in_the_middle_of_a_failover_loses_nothing(units, tmp_path):
    primary, replica = FarRedis(0), FarRedis(1)
    pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")  # they talk to each other
    replica.cli("replicaof", primary.address, str(PORT))
    wait_until(lambda: "master_link_status:up" in replica.cli("info", "replication"), "replica")
    app = AppUnit(units, primary)
    write_configuration(CONFIG.parent, endpoint(primary.url), AppUnit.configuration("destroy-sockets"))
    before = (CONFIG.parent / "conf.d/test.toml").read_text()
    wait_journal(f"_PID={main_pid(SERVICE)}", "RELINKD_CONDITION=ok")
    pid = main_pid(SERVICE)

    primary.vanish()
    wait_journal(f"_PID={pid}", "RELINKD_CONDITION=unreachable")
    apt("install", newer_deb(tmp_path))
    assert "+newer" in run("dpkg-query", "-W", "-f=${Version}", "relinkd")
    assert main_pid(SERVICE) not in (0, pid)
    assert show(SERVICE, "ActiveState") == "active" and show(SOCKET, "ActiveState") == "active"
    assert (CONFIG.parent / "conf.d/test.toml").read_text() == before
    # The trouble is seen again, and what comes after it is as if nothing had been.
    wait_journal(f"_PID={main_pid(SERVICE)}", "RELINKD_CONDITION=unreachable")
    replica.cli("replicaof", "no", "one")
    write_configuration(CONFIG.parent, endpoint(replica.url), AppUnit.configuration("destroy-sockets"))
    wait_journal(f"_PID={main_pid(SERVICE)}", "RELINKD_CONDITION=ok")
    assert app.pid != 0
    primary.repair()
    for server in (primary, replica):
        server.close()


def test_removed_it_leaves_the_configuration_and_nothing_that_runs():
    pid = main_pid(SERVICE)
    apt("remove", "relinkd")
    assert not pathlib.Path("/proc", str(pid)).exists()
    assert CONFIG.exists()
    assert show(SOCKET, "ActiveState") != "active"


def test_purged_it_leaves_no_file_user_or_group():
    apt("install", DEB)
    pathlib.Path("/etc/relinkd/sessions.pass").write_text("secret")
    wait_until(lambda: show(SERVICE, "ActiveState") == "active", "start")
    apt("purge", "relinkd")
    assert not package.installed("relinkd")
    assert left() == []
    for database in ("passwd", "group"):
        assert run("getent", database, "relinkd", check=False) == ""
    assert "relinkd.service" not in run("systemctl", "list-units", "--all", "--no-legend")
