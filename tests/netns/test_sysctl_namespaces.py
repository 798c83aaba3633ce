# SPDX-License-Identifier: Apache-2.0
"""relinkctl sysctl check --netns all: a sysctl of the network has a value in each network namespace."""

import json
import pathlib
import subprocess

import pytest
from collector import PATIENCE, program
from config_text import to_config
from sysctl_trees import own_folders, plant, proc_path

RETRIES2 = "net.ipv4.tcp_retries2"
OK, WARNING, CRITICAL, UNKNOWN = range(4)


@pytest.fixture(autouse=True)
def this_namespace_is_in_order():
    with own_folders():
        plant({"etc/90-relinkd.conf": f"{RETRIES2} = 5\n"})
        proc_path(RETRIES2).write_text("5")
        yield


@pytest.fixture
def check(tmp_path):
    config = tmp_path / "relinkd.toml"
    config.write_text(to_config({"sysctl.want": {RETRIES2: 5}}, []))

    def run(*options: str, **who: object) -> subprocess.CompletedProcess:
        return subprocess.run(
            [program("relinkctl"), "--config", config, "sysctl", "check", *options],
            capture_output=True, text=True, timeout=PATIENCE, check=False, **who)

    return run


def sleeper(*prefix: str) -> subprocess.Popen:
    """A process that is where the prefix puts it."""
    process = subprocess.Popen([*prefix, "sh", "-c", "echo there; exec sleep 1000"],
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "there\n"
    return process


@pytest.fixture
def blue():
    """A namespace that "ip netns" holds, with an interface that is up, and a process in it: it is
    found in two ways."""
    subprocess.run(["ip", "netns", "add", "blue"], check=True)
    inside = ["ip", "netns", "exec", "blue"]
    subprocess.run([*inside, "ip", "link", "add", "out", "type", "veth", "peer", "name", "in"], check=True)
    for interface in ("out", "in"):
        subprocess.run([*inside, "ip", "link", "set", interface, "up"], check=True)
    process = sleeper(*inside)
    yield process.pid
    process.kill()
    process.communicate()
    subprocess.run(["ip", "netns", "del", "blue"], check=True)


@pytest.fixture
def lonely():
    """One that only its process holds, and that has just loopback, as PrivateNetwork= makes it."""
    process = sleeper("unshare", "--net")
    yield process.pid
    process.kill()
    process.communicate()


def inode_of(pid: int | str) -> int:
    return pathlib.Path(f"/proc/{pid}/ns/net").stat().st_ino


def test_each_other_namespace_is_told_once_with_how_it_was_found(check, blue, lonely):
    done = check("--netns", "all", "--json")
    assert done.returncode == CRITICAL, done
    told = json.loads(done.stdout)
    assert told["keys"][0]["verdict"] == "applied"
    by_inode = {one["inode"]: one for one in told["namespaces"]}
    assert len(by_inode) == len(told["namespaces"])
    assert inode_of("self") not in by_inode

    held = by_inode[inode_of(blue)]
    assert held["name"] == "blue"
    assert "/run/netns/blue" in held["found"]
    assert f"1 process in it: sleep (process {blue})" in held["found"]
    assert held["keys"][0]["value"] == 15
    assert held["verdict"] == "not_applied"

    alone = by_inode[inode_of(lonely)]
    assert alone["name"] == f"sleep (process {lonely})"
    # No connection of it can die on a path, so it is no reason to wake anybody.
    assert alone["network"] is False
    assert alone["keys"][0]["value"] == 15
    assert alone["verdict"] == "applied"


def test_the_exit_status_is_that_of_all(check, blue, lonely):
    assert check().returncode == OK
    done = check("--netns", "all")
    assert done.returncode == CRITICAL
    assert done.stdout.startswith("Not applied: network namespace blue: ")
    assert "whoever makes it must set them there" in " ".join(done.stdout.split())
    subprocess.run(["ip", "netns", "exec", "blue", "sysctl", "-qw", f"{RETRIES2}=5"], check=True)
    assert check("--netns", "all").returncode == OK


def test_one_that_is_held_without_a_process_is_found_too(check):
    subprocess.run(["ip", "netns", "add", "empty"], check=True)
    try:
        told = json.loads(check("--netns", "all", "--json").stdout)
    finally:
        subprocess.run(["ip", "netns", "del", "empty"], check=True)
    empty = next(one for one in told["namespaces"] if one["name"] == "empty")
    assert empty["processes"] == 0
    assert empty["keys"][0]["value"] == 15


def test_only_root_can_look_there(check, tmp_path):
    # Of the test's own folder only: others are open to everybody already.
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to("/run/lab/tmp"):
            folder.chmod(0o755)
    done = check("--netns", "all", user=65534, group=65534, extra_groups=[])
    assert done.returncode == UNKNOWN
    assert "sudo relinkctl sysctl check --netns all" in " ".join(done.stdout.split())
