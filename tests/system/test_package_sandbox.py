# SPDX-License-Identifier: Apache-2.0
"""What the installed services may not do, tried by another program in the very same sandbox."""

import json
import pathlib
import sys

import pytest
from package import DEB, apt, run
from systemd import SCRATCH, systemctl

UNITS = pathlib.Path("/lib/systemd/system")
SECRET = pathlib.Path("/home/somebody/secret")
PROBE = pathlib.Path("/usr/local/lib/probe.py")

# Tries each thing, and tells the error's name, "" where there was none.
PROGRAM = """
import ctypes, errno, json, os, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    if libc.syscall(number, *arguments) == -1:
        raise OSError(ctypes.get_errno(), "")
def write(path):
    with open(path, "a") as file:
        file.write("x")
def sockets(family, kind, protocol=0):
    return lambda: socket.socket(family, kind, protocol).close()
def sysctl(path):
    def write_as_it_is():
        with open(path, "r+") as file:
            value = file.read()
            file.seek(0)
            file.write(value)
    return write_as_it_is
attempts = {
    "write /usr": lambda: write("/usr/probe"),
    "write /etc": lambda: write("/etc/relinkd/conf.d/probe.toml"),
    "write /var/lib": lambda: write("/var/lib/probe"),
    "write its state": lambda: write("/var/lib/relinkd/probe"),
    "write its run folder": lambda: write(f"/run/relinkd/of-{os.getuid()}"),
    "read /home": lambda: open("/home/somebody/secret").close(),
    "read /root": lambda: os.listdir("/root/probe"),
    "remove the actuator's socket": lambda: os.unlink("/run/relinkd/actuator.sock"),
    "rename the actuator's socket":
        lambda: os.rename("/run/relinkd/actuator.sock", "/run/relinkd/other.sock"),
    "open TCP": sockets(socket.AF_INET, socket.SOCK_STREAM),
    "open TCP over IPv6": sockets(socket.AF_INET6, socket.SOCK_STREAM),
    "open a raw socket": sockets(socket.AF_INET, socket.SOCK_RAW, 1),
    "open a packet socket": sockets(socket.AF_PACKET, socket.SOCK_RAW, 3),
    "open netlink": sockets(socket.AF_NETLINK, socket.SOCK_RAW, 4),
    "trace itself": lambda: call(101, 0, 0, 0, 0),
    "trace process 1": lambda: call(101, 16, 1, 0, 0),
    "load BPF": lambda: call(321, 0, ctypes.create_string_buffer(120), 120),
    "mount": lambda: call(165, b"none", b"/mnt", b"tmpfs", 0, None),
    "unshare a user namespace": lambda: call(272, 0x10000000),
    "set the clock": lambda: call(227, 0, ctypes.create_string_buffer(16)),
    "become another user": lambda: os.setuid(12345),
    "signal process 1": lambda: os.kill(1, 0),
    "make a file that changes user": lambda: os.chmod(sys.argv[1], 0o4755),
    "set a sysctl of the network": sysctl("/proc/sys/net/ipv4/tcp_retries2"),
    "set another sysctl": sysctl("/proc/sys/vm/swappiness"),
    "see another's process": lambda: open("/proc/1/status").close(),
}
told = {}
for what, attempt in attempts.items():
    try:
        attempt()
        told[what] = ""
    except OSError as error:
        told[what] = errno.errorcode[error.errno]
with open(sys.argv[1], "a") as file:
    json.dump(told, file)
"""


@pytest.fixture(scope="module", autouse=True)
def install():
    apt("install", DEB)
    SECRET.parent.mkdir(parents=True)
    SECRET.write_text("secret")
    SECRET.chmod(0o644)
    SCRATCH.mkdir(exist_ok=True)
    PROBE.write_text(PROGRAM)
    pathlib.Path("/root/probe").mkdir()


def probe(unit: str, result: pathlib.Path) -> dict[str, str]:
    """What happened in the sandbox of the unit."""
    lines = []
    for line in (UNITS / unit).read_text().splitlines():
        if line.startswith("ExecStart="):
            line = f"ExecStart={sys.executable} {PROBE} {result}"
        if line.startswith("Type="):
            line = "Type=oneshot"
        if not line.startswith(("WatchdogSec=", "Restart", "StartLimit")):
            lines.append(line)
    copy = pathlib.Path("/run/systemd/system") / f"probe-{unit}"
    copy.write_text("\n".join(lines) + "\n")
    systemctl("daemon-reload")
    systemctl("start", copy.name)
    return json.loads(result.read_text())


DENIED = ("EPERM", "EACCES", "EROFS", "EAFNOSUPPORT", "ENOENT")


def test_relinkd_can_do_what_it_needs_and_nothing_else():
    told = probe("relinkd.service", pathlib.Path("/var/lib/relinkd/probe.json"))
    needed = {"write its state", "write its run folder", "open TCP", "open TCP over IPv6",
              "open netlink", "see another's process"}
    done = {what for what, error in told.items() if not error}
    assert done == needed, told
    assert all(error in DENIED for error in told.values() if error), told
    assert told["write /usr"] == told["write /etc"] == told["write /var/lib"] == "EROFS"


def test_the_actuator_can_do_what_it_needs_and_nothing_else():
    told = probe("relinkd-actuator.service", pathlib.Path("/run/relinkd/probe.json"))
    # Root is not hindered to signal: CAP_KILL; and it owns the run folder.
    needed = {"write its run folder", "open netlink", "see another's process", "signal process 1",
              "set a sysctl of the network", "remove the actuator's socket"}
    systemctl("restart", "relinkd-actuator.socket")
    done = {what for what, error in told.items() if not error}
    assert done == needed, told
    assert told["open TCP"] == told["open TCP over IPv6"] == "EAFNOSUPPORT"


@pytest.mark.parametrize("unit, exposure", [("relinkd.service", 1.5),
                                            ("relinkd-actuator.service", 2.6)])
def test_systemd_finds_little_to_criticise(unit, exposure):
    run("systemd-analyze", "--no-pager", "security", f"--threshold={exposure * 10:.0f}", unit)


def test_everybody_can_reach_the_control_socket_and_only_its_group_the_actuator():
    def as_nobody(path: str) -> str:
        code = (f"import socket; socket.socket(socket.AF_UNIX, socket.{{}}).connect('{path}')")
        kind = "SOCK_SEQPACKET" if "actuator" in path else "SOCK_STREAM"
        return run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable,
                   "-c", code.format(kind), check=False)

    assert as_nobody("/run/relinkd/control.sock") == ""
    assert "PermissionError" in as_nobody("/run/relinkd/actuator.sock")


def test_a_member_of_the_group_may_read_and_cannot_write_in_the_run_folder():
    group = ["setpriv", "--reuid=65534", "--regid=relinkd", "--clear-groups"]
    run(*group, "relinkctl", "status")
    assert "Permission denied" in run(*group, "touch", "/run/relinkd/mine", check=False)
