# SPDX-License-Identifier: Apache-2.0
"""The rpm: what it asks for, and its scripts in a running system.

Debian's rpm installs it here, whose libraries are those that it was linked with. So its dependencies,
which have the names of Fedora, are looked at and not fulfilled.
"""

import pathlib
import re
import urllib.request

import pytest
from collector import PATIENCE, wait_until
from package import run
from systemd import show, systemctl

FOLDER = pathlib.Path("/relinkd/package")
RPM = next(FOLDER.glob("relinkd-[0-9]*.x86_64.rpm"), FOLDER / "missing")
SERVICE = "relinkd.service"
SOCKET = "relinkd-actuator.socket"
CONFIG = pathlib.Path("/etc/relinkd/relinkd.toml")
PROGRAMS = ("/usr/sbin/relinkd", "/usr/sbin/relinkd-actuator", "/usr/bin/relinkctl")


def rpm(*arguments: object, check: bool = True) -> str:
    return run("rpm", "--dbpath", "/var/lib/rpm", "--force-debian", *arguments, check=check)


def query(*arguments: object) -> set[str]:
    return set(rpm("--query", *arguments).splitlines())


def paths(root: pathlib.Path) -> set[str]:
    return {f"/{path.relative_to(root)}" for path in root.rglob("*")
            if not path.is_relative_to(root / "var/lib/rpm")}


@pytest.fixture
def installed():
    rpm("--install", "--nodeps", RPM)
    yield
    if rpm("--query", "relinkd", check=False).startswith("relinkd-"):
        rpm("--erase", "relinkd")


def test_it_asks_for_the_libraries_and_for_nothing_else():
    asked = {one.split("(")[0] for one in query("--requires", "--package", RPM)
             if not one.startswith(("rpmlib(", "rtld("))}
    needed = set()
    for program in PROGRAMS:
        built = pathlib.Path("/relinkd/programs", pathlib.Path(program).name)
        needed |= set(re.findall(r"^\s*(\S+\.so\S*) => ", run("ldd", built), re.M))
    libraries = {one for one in asked if ".so" in one}
    # ldd lists those of libraries, too.
    assert libraries <= needed | {"ld-linux-x86-64.so.2"}
    assert {"libsystemd.so.0", "libssl.so.3", "libc.so.6"} <= libraries
    assert asked - libraries == {"/bin/sh", "config", "dbus", "systemd"}


def test_without_them_it_is_not_installed():
    told = rpm("--install", "--test", RPM, check=False)
    assert "Failed dependencies" in told and "systemd is needed by relinkd" in told


def test_in_a_root_of_its_own_it_brings_its_files_and_takes_them_away(tmp_path):
    into = ("--root", tmp_path)
    (tmp_path / "var/lib/rpm").mkdir(parents=True)
    before = paths(tmp_path)
    rpm(*into, "--install", "--nodeps", "--noscripts", RPM)
    listed = query(*into, "--list", "relinkd")
    there = paths(tmp_path)
    made = {path for path in listed if not path.startswith(("/run/", "/var/"))}
    assert made <= there
    assert rpm(*into, "--verify", "--nodeps", "relinkd") == ""
    for path in there - made - before:  # folders of others
        assert (tmp_path / path[1:]).is_dir(), path
    # What the programs would leave.
    for path in ("var/lib/relinkd/state.json", "run/relinkd/actuator.sock.orders"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("{}")
    rpm(*into, "--erase", "--noscripts", "relinkd")
    left = {path for path in paths(tmp_path) - before if "relinkd" in path}
    assert left == set()


def test_its_scripts_make_a_service_that_runs_and_take_it_away(installed):
    assert run("getent", "passwd", "relinkd").startswith("relinkd:")
    # Fedora's preset starts nothing by itself, Debian's enables it; both need a person or a boot.
    systemctl("start", SERVICE, SOCKET)
    assert show(SERVICE, "ActiveState") == "active"
    with urllib.request.urlopen("http://127.0.0.1:10121/metrics", timeout=PATIENCE) as answer:
        assert "relinkd_build_info" in answer.read().decode()
    assert "127.0.0.1:6379" in run("relinkctl", "status")
    process = pathlib.Path("/proc", show(SERVICE, "MainPID"))
    assert process.exists()

    rpm("--erase", "relinkd")
    assert show(SERVICE, "LoadState") == "not-found"
    assert not process.exists()
    for path in (CONFIG.parent, "/var/lib/relinkd", "/run/relinkd", *PROGRAMS):
        assert not pathlib.Path(path).exists(), path


def test_an_upgrade_keeps_the_configuration_and_restarts_what_runs(installed):
    systemctl("start", SERVICE, SOCKET)
    CONFIG.write_text('[[endpoint]]\nname = "sessions"\nurl = "redis://127.0.0.1:6379"\n')
    pid = show(SERVICE, "MainPID")
    rpm("--upgrade", "--force", "--nodeps", RPM)
    wait_until(lambda: show(SERVICE, "MainPID") not in ("0", pid)
               and show(SERVICE, "ActiveState") == "active", "another process")
    assert "sessions" in CONFIG.read_text()
    assert "sessions" in run("relinkctl", "status")
    assert show(SOCKET, "ActiveState") == "active"
    # What a person changed is kept when the package goes.
    rpm("--erase", "relinkd")
    assert "sessions" in pathlib.Path(f"{CONFIG}.rpmsave").read_text()
    pathlib.Path(f"{CONFIG}.rpmsave").unlink()
    CONFIG.parent.rmdir()
