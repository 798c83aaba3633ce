# SPDX-License-Identifier: Apache-2.0
"""Applications under test: real client libraries, in a process and cgroup of their own."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import pathlib
import re
import subprocess
import threading
import time
from collections.abc import Iterable

from network import Namespace
from redis_server import RedisServer
from watcher import PATIENCE, Collector, wait_until

# Nobody's, and not relinkd's.
APP_UID = 61001
_LAB = pathlib.Path("/run/lab")
_COMMANDS = {
    "redis-py": ["/usr/bin/python3", "-B", f"{_LAB}/clients/redis_py_app.py"],
    "ioredis": ["node", f"{_LAB}/clients/ioredis_app.js"],
}
CLIENTS = tuple(_COMMANDS)


@dataclasses.dataclass(frozen=True)
class Report:
    """A line of an application about itself."""

    data: dict

    def __getattr__(self, name: str):
        return self.data.get(name)

    def __str__(self) -> str:
        return json.dumps(self.data)


@dataclasses.dataclass(frozen=True)
class Socket:
    """A TCP connection as the kernel names it: the same inode and cookie are the same socket."""

    local_port: int
    remote: str  # host:port
    state: str
    inode: int
    cookie: str

    @property
    def identity(self) -> tuple[int, int, str]:
        return self.local_port, self.inode, self.cookie


class Application:
    """One process of an application. close() ends it."""

    def __init__(
        self,
        namespace: Namespace,
        cgroup: pathlib.Path,
        *,
        library: str = "redis-py",
        uid: int = APP_UID,
        catches: Iterable[str] = (),
    ):
        """`cgroup`: the folder. `catches`: signals that it has handlers of."""
        modules = _LAB / "node_modules"
        if library == "ioredis" and not modules.is_dir():
            raise RuntimeError(f"ioredis is not installed ({modules}): run ./dev test netns")
        self._namespace = namespace
        self._names = itertools.count(1)
        self._writing = threading.Lock()
        self.client_library = library
        self.reports = Collector()
        self._process = subprocess.Popen(
            namespace.command(
                # A socket has the cgroup that its process was in when it made it.
                "sh", "-ec", 'echo $$ >"$0"; exec "$@"', f"{cgroup}/cgroup.procs",
                "setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs",
                "--inh-caps=-all", "--bounding-set=-all", *_COMMANDS[library], *catches,
            ),
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait("started")

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.reports.add(Report(json.loads(line)))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        if self.running:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            pipe.close()

    # ---------------------------------------------------------------------------------- what it does

    def order(self, do: str, **what: object) -> None:
        with self._writing:
            self._process.stdin.write(json.dumps({"do": do, **what}) + "\n")
            self._process.stdin.flush()

    def connect(self, kind: str = "redis", **where: object) -> Client:
        """A client of the library: "redis" (of host and port), "primary" or "replicas" (of
        `primary` that the Sentinels `seeds` know), "cluster". `options` beyond the defaults."""
        name = f"client{next(self._names)}"
        self.order("connect", on=name, kind=kind, **{"options": {}, **where})
        self.wait("connected", name)
        return Client(self, name)

    def to(self, server: RedisServer, **options: object) -> Client:
        """A client of one server."""
        return self.connect(host=server.address, port=server.port, options=options)

    def pool(self, server: RedisServer, size: int) -> list[Client]:
        """So many connections, each of which was used once."""
        clients = [self.to(server) for _ in range(size)]
        for one in clients:
            one.call("PING").value()
        return clients

    # -------------------------------------------------------------------------------- what it tells

    def mark(self) -> int:
        return len(self.reports.all())

    def wait(self, event: str, on: str = "", since: int = 0, **fields: object) -> Report:
        def wanted(report: Report) -> bool:
            return (
                report.event == event
                and (not on or report.on == on)
                and all(report.data.get(key) == value for key, value in fields.items())
            )

        return self.reports.wait(wanted, f"{event} of {on or self.client_library} {fields or ''}", since)

    # ------------------------------------------------------------------------------------ what it has

    def sockets(self, port: int = 6379) -> list[Socket]:
        """Its connections to this port, of any state but TIME-WAIT."""
        told = self._namespace.run("ss", "-Htnpe", "exclude", "time-wait", f"dport = :{port}")
        return sorted(
            (_socket(line) for line in told.splitlines() if f",pid={self.pid}," in line),
            key=lambda one: one.local_port,
        )

    def ports(self, port: int = 6379) -> list[int]:
        return [one.local_port for one in self.sockets(port)]

    def cgroup(self) -> str:
        """Its path below the mount."""
        text = pathlib.Path(f"/proc/{self.pid}/cgroup").read_text()
        return re.search(r"^0::(.*)$", text, re.M)[1]


def _socket(line: str) -> Socket:
    state, _, _, local, remote, *_ = line.split()
    mapped = re.fullmatch(r"\[::ffff:([\d.]+)\]:(\d+)", remote)
    return Socket(
        local_port=int(local.rpartition(":")[2]),
        remote=f"{mapped[1]}:{mapped[2]}" if mapped else remote,
        state=state,
        inode=int(re.search(r" ino:(\d+)", line)[1]),
        cookie=re.search(r" sk:(\w+)", line)[1],
    )


class Client:
    """One client of the library in an application."""

    def __init__(self, application: Application, name: str):
        self.application = application
        self.name = name

    def call(self, *command: object) -> Call:
        """Calls, and does not wait for the answer."""
        since = self.application.mark()
        self.application.order("call", on=self.name, command=command)
        return Call(self.application, self.application.wait("begin", self.name, since), since)

    def repeat(self, *command: object, pause: float = 0.02, gives_up: bool = False) -> Client:
        """One call after the other, until the end. `gives_up`: after a failure only a signal has it
        go on. Waits for the first success."""
        extra = {"gives_up": gives_up} if self.application.client_library == "redis-py" else {}
        self.application.order("repeat", on=self.name, command=command, pause=pause, **extra)
        self.wait_success()
        return self

    def listen(self, channel: str) -> Client:
        """Subscribes, and waits until that is confirmed."""
        self.application.order("listen", on=self.name, channel=channel)
        self.application.wait("subscribe", self.name)
        return self

    def fill(self, connections: int) -> Client:
        self.application.order("fill", on=self.name, connections=connections)
        self.application.wait("filled", self.name)
        return self

    def close(self) -> None:
        """Ends its connections in order (redis-py)."""
        self.application.order("close", on=self.name)
        self.application.wait("closed", self.name)

    def reports(self, since: int = 0) -> list[Report]:
        return [one for one in self.application.reports.all(since) if one.on == self.name]

    def successes(self, since: int = 0) -> list[Report]:
        return [one for one in self.reports(since) if one.event == "end" and one.ok]

    def failures(self, since: int = 0) -> list[Report]:
        return [one for one in self.reports(since) if one.event == "end" and not one.ok]

    def wait_success(self, begun_after: float = 0) -> Report:
        """The first call that began after this monotonic time and succeeded."""
        return self.application.reports.wait(
            lambda r: r.on == self.name and r.event == "end" and r.ok and r.began >= begun_after,
            f"success of {self.name}",
        )

    def wait_hanging(self, seconds: float) -> None:
        """Waits until a call has had no answer for so long."""

        def hangs() -> bool:
            last = [one for one in self.reports() if one.event in ("begin", "end")][-1]
            return last.event == "begin" and time.monotonic() - last.at >= seconds

        wait_until(hangs, f"call of {self.name} that has no answer for {seconds} s")


class Call:
    """One call that has begun."""

    def __init__(self, application: Application, begin: Report, since: int):
        self._application = application
        self._begin = begin
        self._since = since

    @property
    def began(self) -> float:
        return self._begin.at

    @property
    def ended(self) -> bool:
        return any(self._is_end(one) for one in self._application.reports.all(self._since))

    def _is_end(self, report: Report) -> bool:
        return report.event == "end" and report.call == self._begin.call

    def end(self, patience: float = PATIENCE) -> Report:
        """How it ended."""
        return self._application.reports.wait(
            self._is_end, f"end of {self._begin}", self._since, patience
        )

    def value(self) -> object:
        """What it returned; it must succeed."""
        end = self.end()
        assert end.ok, end
        return end.value


class Untouched:
    """Those connections of an application to a server that there are now: they must stay, in the
    eyes of this host and of the server. Others may join them."""

    def __init__(self, application: Application, server: RedisServer):
        self._application = application
        self._server = server
        self._ours = self._identities()
        self._theirs = client_ids(server, [port for port, _, _ in self._ours])
        assert self._ours and len(self._ours) == len(self._theirs), (self._ours, self._theirs)

    def _identities(self) -> list[tuple[int, int, str]]:
        return [
            one.identity
            for one in self._application.sockets(self._server.port)
            if one.remote == self._server.host_port
        ]

    @property
    def ports(self) -> list[int]:
        return [port for port, _, _ in self._ours]

    def check(self) -> None:
        now = self._identities()
        assert set(self._ours) <= set(now), f"its sockets were {self._ours} and are {now}"
        ids = client_ids(self._server, self.ports)
        assert ids == self._theirs, f"the server's clients were {self._theirs} and are {ids}"


def client_ids(server: RedisServer, ports: Iterable[int]) -> dict[int, str]:
    """The server's ids of the clients at these ports."""
    ids = {int(c["addr"].rpartition(":")[2]): c["id"] for c in server.watchers()}
    return {port: ids[port] for port in ports if port in ids}
