# SPDX-License-Identifier: Apache-2.0
"""Runs pytest in namespaces of its own: python3 isolated.py PYTEST-ARGUMENT…

The network namespace has no way out, so a program that a test starts in the wrong place sends
nothing to anybody. /run and /etc are private copies, so tests can name their namespaces "client"
and "server", and write resolv.conf, beside other runs and an installed relinkd. When this program
ends, however it ends, the kernel ends every process and removes every namespace and mount.

Exit status 77: not possible here, with the reason. With RELINKD_REQUIRE_ALL=1 that is a failure.
"""

import os
import pathlib
import subprocess
import sys

from requirement import cannot_run

NAMESPACES = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
# 198.18.0.0/15 is for benchmarks of networks (RFC 2544): nobody's real address.
TEST_NETWORK = "198.18.0.0/15"
HERE = pathlib.Path(__file__).resolve()
# What ./dev installs for tests/clients.
NODE_MODULES = HERE.parents[2] / "build" / "clients" / "node_modules"


def why_not() -> str:
    """Why namespaces cannot be made here; empty if they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    probe = "mount -t tmpfs none /run && ip netns add probe && ip netns exec probe nft list ruleset"
    done = subprocess.run(
        [*NAMESPACES, "sh", "-c", probe], capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return ""
    return f"network namespaces cannot be made: {done.stderr.strip()}"


def prepare() -> None:
    """Inside: a private /run and /etc, and a network that leads nowhere."""

    def run(*command: str) -> None:
        subprocess.run(command, check=True)

    programs = os.environ["RELINKD_PROGRAMS"]
    run("mount", "-t", "tmpfs", "-o", "mode=755", "none", "/run")
    lab = pathlib.Path("/run/lab")
    for folder in ("cgroup", "etc", "programs", "tmp"):
        (lab / folder).mkdir(parents=True)
    # "ip netns exec" has a /sys of its own, without the host's mounts below it.
    run("mount", "-t", "cgroup2", "none", str(lab / "cgroup"))
    # The programs under test run as nobody, who may not be able to reach the checkout.
    run("mount", "--bind", programs, str(lab / "programs"))
    # Nor may the applications that the tests start.
    clients = [HERE.parents[1] / "clients", NODE_MODULES]
    for source in filter(pathlib.Path.is_dir, clients):
        (lab / source.name).mkdir()
        run("mount", "--bind", str(source), str(lab / source.name))
    run("cp", "-a", "/etc/.", str(lab / "etc"))
    run("mount", "--bind", str(lab / "etc"), "/etc")
    os.environ["RELINKD_PROGRAMS"] = str(lab / "programs")
    os.environ["TMPDIR"] = str(lab / "tmp")
    run("ip", "link", "set", "lo", "up")
    run("ip", "route", "replace", "unreachable", TEST_NETWORK)


def main() -> int:
    if sys.argv[1:2] == ["--inside"]:
        prepare()
        sys.path.insert(0, str(HERE.parent))
        sys.dont_write_bytecode = True
        import pytest

        return pytest.main(["-p", "no:cacheprovider", "--tb=short", "-ra", *sys.argv[2:]])

    release = HERE.parents[2] / "build" / "release" / "bin"
    os.environ["RELINKD_PROGRAMS"] = os.environ.get("RELINKD_PROGRAMS") or str(release)
    if not os.path.isdir(os.environ["RELINKD_PROGRAMS"]):
        print(f"no programs in {os.environ['RELINKD_PROGRAMS']}: build them by ./dev build")
        return 1
    reason = why_not()
    if reason:
        return cannot_run(reason)
    os.execvp("unshare", [*NAMESPACES, sys.executable, "-B", str(HERE), "--inside", *sys.argv[1:]])


sys.exit(main())
