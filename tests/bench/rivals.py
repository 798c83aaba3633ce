# SPDX-License-Identifier: Apache-2.0
"""The programs beside which relinkd is measured, with the settings of docs/BENCHMARKS.md."""

import datetime
import os
import pathlib
import re
import subprocess
import threading
from collections.abc import Sequence

from network import Namespace
from redis_server import RedisServer
from watcher import PATIENCE, Collector


class Rival:
    """A program that tells on its standard output what it noticed, with the time."""

    name = ""

    def __init__(self, namespace: Namespace, command: Sequence[str]):
        self._lines = Collector()
        self._process = subprocess.Popen(
            namespace.command(*command), env=os.environ | {"TZ": "UTC"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if verdict := self._verdict(line):
                self._lines.add(verdict)

    def _verdict(self, line: str) -> tuple[float, bool] | None:
        """When, and whether the server is up; None: the line says nothing of it."""
        raise NotImplementedError

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def up(self) -> bool:
        """Whether the server is up as far as the program knows."""
        assert self.running, f"{self.name} has ended"
        told = self._lines.all()
        return not told or told[-1][1]

    def noticed(self, since: float) -> float | None:
        """When the program first said after `since` that the server is down."""
        return next((when for when, up in self._lines.all() if not up and when >= since), None)

    def close(self) -> None:
        if self.running:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join()


class Sentinel(Rival):
    """One Redis Sentinel that watches one server.

    A quorum that it alone cannot reach, and no replica: it says +sdown and never starts a failover,
    which would be traffic of its own.
    """

    name = "Redis Sentinel"
    settings = "`down-after-milliseconds 1000`"
    _LINE = re.compile(r"\d+:X (?P<time>\d+ \w+ \d+ [\d:.]+) # (?P<sign>[+-])sdown master ")

    def __init__(self, namespace: Namespace, folder: pathlib.Path, server: RedisServer):
        config = folder / "sentinel.conf"
        config.write_text(
            "bind 127.0.0.1\nport 26379\n"
            f"dir {folder}\n"
            f"sentinel monitor server {server.address} {server.port} 2\n"
            "sentinel down-after-milliseconds server 1000\n",
            encoding="utf-8",
        )
        super().__init__(namespace, ["redis-sentinel", str(config)])

    def _verdict(self, line: str) -> tuple[float, bool] | None:
        found = self._LINE.match(line)
        if not found:
            return None
        when = datetime.datetime.strptime(found["time"], "%d %b %Y %H:%M:%S.%f")
        return when.replace(tzinfo=datetime.timezone.utc).timestamp(), found["sign"] == "-"


class Haproxy(Rival):
    """HAProxy that checks some servers by PING, each over a connection of its own each time."""

    name = "HAProxy"
    settings = "`option redis-check`, `inter 1s fall 2`"
    _LINE = re.compile(r"(?P<time>\S+) Server redis/\S+ is (?P<state>UP|DOWN)")

    def __init__(self, namespace: Namespace, folder: pathlib.Path, servers: Sequence[str]):
        config = folder / "haproxy.cfg"
        lines = [
            # One thread: the checks need no more, and several would only cost it something.
            "global", "  nbthread 1", "  log stdout format iso local0",
            "defaults", "  mode tcp",
            *(f"  timeout {what} 1s" for what in ("connect", "check", "client", "server")),
            # Without a front end it does not start.
            "frontend door", f"  bind unix@{folder / 'door.sock'}", "  default_backend redis",
            "backend redis", "  log global", "  option redis-check",
            *(f"  server node{n} {one} check inter 1s fall 2" for n, one in enumerate(servers)),
        ]
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        super().__init__(namespace, ["haproxy", "-db", "-f", str(config)])

    def _verdict(self, line: str) -> tuple[float, bool] | None:
        found = self._LINE.match(line)
        if not found:
            return None
        when = datetime.datetime.fromisoformat(found["time"])
        return when.timestamp(), found["state"] == "UP"
