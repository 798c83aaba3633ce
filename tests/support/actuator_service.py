# SPDX-License-Identifier: Apache-2.0
"""relinkd-actuator as a service that systemd starts by its socket, with no more rights than it
needs, and an app that is a unit."""

import contextlib
import grp
import json
import os
import pathlib
import pwd
import subprocess
import sys
from collections.abc import Iterator

from actuator import APP_PROGRAM, Orderer, act, as_user
from systemd import SCRATCH, Units, main_pid, systemctl
from collector import wait_until
from config_text import to_toml
from watcher import program

FOLDER = pathlib.Path("/run/relinkd")
SOCKET = FOLDER / "actuator.sock"
CONFIG = pathlib.Path("/etc/relinkd/relinkd.toml")
USER = "relinkd"
SERVICE = "relinkd-actuator.service"

APP = "checkout.service"


def make_user() -> None:
    """The user relinkd and /run/relinkd, as a package brings them."""
    if FOLDER.exists():
        return
    subprocess.run(["systemd-sysusers", "-"], input=f"u {USER} -\n", text=True, check=True)
    FOLDER.mkdir()
    os.chown(FOLDER, 0, grp.getgrnam(USER).gr_gid)
    FOLDER.chmod(0o750)


@contextlib.contextmanager
def as_relinkd() -> Iterator[None]:
    """Does what is inside as relinkd's user and group."""
    entry = pwd.getpwnam(USER)
    os.setegid(entry.pw_gid)
    try:
        with as_user(entry.pw_uid):
            yield
    finally:
        os.setegid(0)


class ActuatorService:
    def __init__(self, units: Units) -> None:
        make_user()
        # A run's count of orders outlives it.
        pathlib.Path(f"{SOCKET}.orders").unlink(missing_ok=True)
        self._orderers: list[Orderer] = []
        units.write("relinkd-actuator.socket", Socket={
            "ListenSequentialPacket": str(SOCKET), "SocketUser": USER, "SocketMode": "0600",
            "RemoveOnStop": "yes"})
        units.write(SERVICE, Service={
            "Type": "notify", "ExecStart": f"{program('relinkd-actuator')} --config {CONFIG}",
            "CapabilityBoundingSet": "CAP_NET_ADMIN", "NoNewPrivileges": "yes",
            "RestrictAddressFamilies": "AF_UNIX AF_NETLINK", "ProtectSystem": "strict",
            "ReadWritePaths": str(FOLDER)})

    def configure(self, *actions: str, **app: object) -> None:
        """The app checkout, which is checkout.service, with these actions."""
        app = {"name": "checkout", "match": {"unit": APP}, "endpoints": ["sessions"],
               "actions": list(actions), **app}
        lines = ["[actuator]", f"socket = {to_toml(SOCKET)}", f"user = {to_toml(USER)}",
                 "[[endpoint]]", 'name = "sessions"', 'url = "redis://127.0.0.1:6379"', "[[app]]",
                 *(f"{key} = {to_toml(value)}" for key, value in app.items())]
        CONFIG.parent.mkdir(exist_ok=True)
        CONFIG.write_text("\n".join(lines) + "\n")

    def listen(self) -> None:
        systemctl("start", "relinkd-actuator.socket")

    def connect(self) -> Orderer:
        with as_relinkd():
            made = Orderer(SOCKET)
        self._orderers.append(made)
        return made

    def close(self) -> None:
        for orderer in self._orderers:
            orderer.close()


class App:
    """A unit with one connection to redis-server.service."""

    def __init__(self, units: Units, name: str = APP, *, catches: str = "",
                 **service: str) -> None:
        self.name = name
        self._log = SCRATCH / f"{name}.log"
        self._log.unlink(missing_ok=True)
        script = SCRATCH / "app.py"
        script.write_text(APP_PROGRAM)
        # Its cgroup is the one that it is in.
        arguments = f'/sys/fs/cgroup/system.slice/{name} 0 127.0.0.1 6379 "{catches}"'
        units.write(name, Service={
            "Type": "exec", "ExecStart": f"{sys.executable} {script} {arguments}",
            "StandardOutput": f"append:{self._log}", **service})
        systemctl("start", name)
        wait_until(self.lines, f"connection of {name}")

    def lines(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []

    def wait_line(self, line: str) -> None:
        wait_until(lambda: line in self.lines(), f"{line!r} of {self.name}: {self.lines()}")

    @property
    def socket(self) -> dict:
        """Of its present process, as an order names it."""
        return json.loads(self.lines()[0])

    @property
    def pid(self) -> int:
        return main_pid(self.name)

    def destroy(self) -> dict:
        """The order to end its connection."""
        return {"kind": "relink", "verb": "destroy-sockets", "app": "checkout",
                "endpoint": "sessions", "incident": "sessions-1", "socket": self.socket}


def order_of(action: str, **changes: object) -> dict:
    """The order for an action as the configuration has it."""
    return act(action.partition(":")[0], action, **changes)
