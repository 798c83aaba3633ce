# SPDX-License-Identifier: Apache-2.0
"""A redis-server on a host of its own, and an app of this host that talks to it: for tests in a
booted system."""

import contextlib
import pathlib
import subprocess
import sys

from collector import wait_until
from faults import add_rules, prepare, replace_rules
from network import LINK, Namespace, run
from systemd import SCRATCH, Units, main_pid, systemctl

PORT = 6379
# What the app tells, a line each: "connected", an errno's name, "signalled".
_APP = """
import errno, signal, socket, sys, time
signal.signal(signal.SIGUSR1, lambda *_: print("signalled", flush=True))
while True:
    try:
        with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as s:
            print("connected", flush=True)
            while True:
                s.sendall(b"PING\\r\\n")
                if not s.recv(100):
                    raise ConnectionResetError(errno.ECONNRESET, "")
                time.sleep(0.1)
    except OSError as e:
        print(errno.errorcode.get(e.errno, str(e)), flush=True)
        time.sleep(0.1)
"""


class FarRedis:
    """Its address is 198.18.N.2, and this host's beside it 198.18.N.1; each has a link of its own."""

    def __init__(self, number: int = 0, **options: object) -> None:
        self.address = f"198.18.{number}.2"
        self.url = f"redis://{self.address}:{PORT}"
        self._folder = SCRATCH / f"redis{number}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._namespace = Namespace(f"redis{number}")
        link = f"redis{number}"
        run("ip", "link", "add", link, "type", "veth", "peer", "name", LINK, "netns",
            self._namespace.name)
        run("ip", "address", "add", f"198.18.{number}.1/24", "dev", link)
        run("ip", "link", "set", link, "up")
        self._namespace.run("ip", "address", "add", f"{self.address}/24", "dev", LINK)
        self._namespace.run("ip", "link", "set", LINK, "up")
        self._namespace.run("ip", "route", "add", "default", "via", f"198.18.{number}.1")
        prepare(self._namespace)
        settings = {"bind": self.address, "port": PORT, "dir": self._folder, "save": "",
                    "appendonly": "no", "protected-mode": "no", "tcp-keepalive": 0,
                    "logfile": self._folder / "log", **options}
        words = [word for key, value in settings.items() for word in (f"--{key}", str(value))]
        self._process = subprocess.Popen(self._namespace.command("redis-server", *words))
        wait_until(lambda: self.cli("ping") == "PONG", f"answer of {self.address}")

    def cli(self, *command: str) -> str:
        """What redis-cli prints; empty if it cannot connect."""
        done = subprocess.run(["redis-cli", "-h", self.address, *command], text=True,
                              capture_output=True, check=False, timeout=60)
        return done.stdout.strip()

    def cut_flows(self) -> None:
        """What is sent on the connections that there are is lost from now on; new ones pass."""
        table = self._namespace.run("ss", "-Htn", "state", "established", f"sport = :{PORT}")
        ports = ", ".join(line.split()[3].rpartition(":")[2] for line in table.splitlines())
        add_rules(self._namespace, f"tcp dport {PORT} tcp sport {{ {ports} }} drop")

    def vanish(self) -> None:
        """The host loses its power, as others see it."""
        add_rules(self._namespace, f"iifname {LINK} drop")

    def repair(self) -> None:
        replace_rules(self._namespace)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._namespace.remove()


class AppUnit:
    """checkout.service, which keeps one connection to a server."""

    NAME = "checkout.service"

    def __init__(self, units: Units, server: FarRedis, **service: str) -> None:
        self._log = SCRATCH / "checkout.log"
        self._log.unlink(missing_ok=True)
        program = SCRATCH / "checkout.py"
        program.write_text(_APP)
        units.write(self.NAME, Service={
            "Type": "exec", "ExecStart": f"{sys.executable} {program} {server.address} {PORT}",
            "ExecReload": f"/bin/sh -c 'echo reloaded >>{self._log}'",
            "StandardOutput": f"append:{self._log}", **service})
        systemctl("start", self.NAME)
        self.wait_lines("connected")

    def lines(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return self._log.read_text().splitlines()
        return []

    def wait_lines(self, *lines: str, patience: float = 60) -> None:
        """Waits until these are all that it told, in this order."""
        wait_until(lambda: self.lines() == list(lines), f"{lines} of {self.lines()}", patience)

    @property
    def pid(self) -> int:
        return main_pid(self.NAME)

    @staticmethod
    def configuration(*actions: str, **settings: str) -> str:
        """The app for /etc/relinkd, quick in all that it may be."""
        settings = {"spread": "0s", "restart_spread": "0s", "min_interval": "1s",
                    "verify_within": "3s", **settings}
        return "\n".join(
            ["[[app]]", 'name = "checkout"', f'match = {{ unit = "{AppUnit.NAME}" }}',
             'endpoints = ["sessions"]', f"actions = {list(actions)}",
             *(f'{key} = "{value}"' for key, value in settings.items())]) + "\n"


def endpoint(url: str) -> str:
    return f'[[endpoint]]\nname = "sessions"\nurl = "{url}"\n'


def write_configuration(folder: pathlib.Path, *parts: str) -> None:
    (folder / "conf.d/test.toml").write_text("".join(parts))
    systemctl("reload", "relinkd.service")
