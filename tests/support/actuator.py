# SPDX-License-Identifier: Apache-2.0
"""relinkd-actuator under test, those who give it orders, and the apps whose sockets it may end."""

import contextlib
import json
import os
import pathlib
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

from collector import LOG_LINE, PATIENCE, program, wait_until
from config_text import to_config

WATCHER = 64001  # the actuator's user
APP = 64002
STRANGER = 64003
SO_COOKIE = 57

# An app's process: joins its cgroup, becomes its user, connects, and echoes what it reads. It tells
# each thing that happens to it in a line.
APP_PROGRAM = """
import errno, json, os, signal, socket, sys
cgroup, uid, host, port, caught = sys.argv[1:]
with open(cgroup + "/cgroup.procs", "w") as procs:
    procs.write("0")
os.setgroups([])
os.setgid(int(uid))
os.setuid(int(uid))
if caught:
    signal.signal(getattr(signal, caught), lambda *_: print("signalled", flush=True))
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
s.connect((host, int(port)))
def name(address):
    host = address[0].removeprefix("::ffff:")
    return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"
print(json.dumps({
    "local": name(s.getsockname()), "remote": name(s.getpeername()), "v6": s.family == socket.AF_INET6,
    "interface": 0, "cookie": int.from_bytes(s.getsockopt(socket.SOL_SOCKET, 57, 8), sys.byteorder),
}), flush=True)
try:
    while data := s.recv(100):
        s.sendall(data)
    print("end of stream", flush=True)
except OSError as e:
    print(errno.errorcode[e.errno], flush=True)
signal.pause()
"""


@contextlib.contextmanager
def as_user(uid: int) -> Iterator[None]:
    """Does what is inside as another user, of whom a Unix socket tells its peer."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


class Server:
    """A TCP server on loopback that the apps connect to."""

    def __init__(self, address: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.socket(family)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(256)
        self._listener.settimeout(PATIENCE)

    def accept(self) -> socket.socket:
        connection, _ = self._listener.accept()
        connection.settimeout(PATIENCE)
        return connection

    def close(self) -> None:
        self._listener.close()


class App:
    """One process with one connection to a server."""

    def __init__(self, server: Server, host: str, port: int, cgroup: pathlib.Path, uid: int = APP,
                 catches: str = "") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", APP_PROGRAM, str(cgroup), str(uid), host, str(port), catches],
            stdout=subprocess.PIPE, text=True,
        )
        self._peer = server.accept()
        self.name = json.loads(self.next_line())

    @property
    def pid(self) -> int:
        return self._process.pid

    def next_line(self) -> str:
        """What it tells next; a test whose line never comes is ended by CTest."""
        return self._process.stdout.readline().rstrip("\n")

    def assert_unharmed(self) -> None:
        """Its connection carries data both ways, so nothing has ended it."""
        token = secrets.token_bytes(8)
        self._peer.sendall(token)
        assert self._peer.recv(100) == token
        assert self._process.poll() is None

    def assert_reset(self) -> None:
        """Its own end was aborted, and the server was told."""
        assert self.next_line() == "ECONNABORTED"
        try:
            assert self._peer.recv(1) == b"", "the server reads data of a destroyed connection"
            raise AssertionError("the server saw an orderly end")
        except ConnectionResetError:
            pass

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._peer.close()


class Orderer:
    """A peer of the actuator's socket."""

    def __init__(self, path: pathlib.Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self._last_id = 0

    def send(self, order: dict) -> int:
        """Sends the order with an id, which it returns."""
        self._last_id += 1
        self.socket.send(json.dumps({"version": 1, "id": self._last_id, **order}).encode())
        return self._last_id

    def receive(self) -> dict:
        data = self.socket.recv(5000)
        assert data, "the actuator closed the connection"
        return json.loads(data)

    def order(self, order: dict) -> dict:
        sent = self.send(order)
        answer = self.receive()
        assert answer["id"] == sent and answer["version"] == 1
        return answer

    def assert_closed(self) -> None:
        # What was not read when the other end closed it makes a reset of the end.
        with contextlib.suppress(ConnectionResetError):
            assert self.socket.recv(5000) == b""

    def close(self) -> None:
        self.socket.close()


def destroy(app: App, /, **changes: object) -> dict:
    """The order to end the app's socket; `changes` to it, those of the socket by their own keys."""
    socket_name = {k: changes.pop(k, v) for k, v in app.name.items()}
    return {"kind": "relink", "verb": "destroy-sockets", "app": "checkout", "endpoint": "sessions",
            "incident": "sessions-1", "socket": socket_name, **changes}


def act(verb: str, action: str, **changes: object) -> dict:
    return {"kind": "relink", "verb": verb, "action": action, "app": "checkout",
            "endpoint": "sessions", "incident": "sessions-1", **changes}


class Actuator:
    """One relinkd-actuator, started by hand or, with `activated`, as systemd does it."""

    def __init__(self, folder: pathlib.Path, *, activated: bool = False,
                 prefix: list[str] | None = None) -> None:
        self.folder = folder
        self.config = folder / "relinkd.toml"
        self.path = folder / "actuator.sock"
        self.count = folder / "actuator.sock.orders"
        self._log = folder / "log"
        self._prefix = prefix or []
        self._process: subprocess.Popen | None = None
        self._listener: socket.socket | None = None
        self._orderers: list[Orderer] = []
        if activated:
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._listener.bind(str(self.path))
            self._listener.listen(16)
            self.path.chmod(0o666)

    def configure(self, apps: list[dict], endpoints: list[dict], *, mode: str = "act",
                  most: int = 600) -> None:
        table = {"socket": self.path, "user": str(WATCHER), "max_orders_per_minute": most}
        self.write_config(to_config({"actuator": table}, endpoints, apps, mode))

    def write_config(self, text: str) -> None:
        """In one step: it may be read at any time."""
        new = self.folder / "new"
        new.write_text(text)
        new.chmod(0o644)
        new.rename(self.config)

    @property
    def command(self) -> list[str]:
        return [*self._prefix, program("relinkd-actuator"), "--config", str(self.config)]

    def start(self) -> None:
        """Starts it and waits until it listens, or for its first order if that starts it."""
        command = self.command
        descriptors = ()
        if self._listener:
            n = self._listener.fileno()
            script = f'exec 3<&{n}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
            command = ["/bin/bash", "-c", script, "bash", *command]
            descriptors = (n,)
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=descriptors
            )
        if not self._listener:
            wait_until(self._answers, "answer of the actuator")

    def _answers(self) -> bool:
        assert self._process.poll() is None, f"it ended:\n{self.log()}"
        try:
            with contextlib.closing(Orderer(self.path)) as peer:
                return peer.order({"kind": "support"})["result"] == "done"
        except OSError:
            return False

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def connect(self, uid: int = WATCHER) -> Orderer:
        with as_user(uid):
            made = Orderer(self.path)
        self._orderers.append(made)
        return made

    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def wait_log(self, text: str) -> None:
        wait_until(lambda: text in self.log(), f"{text!r} in the log:\n{self.log()}")

    def acted(self, action: str = "") -> list[str]:
        """The lines of the orders that were carried out, or tried; all of them or those of one kind
        of action."""
        carried_out = re.compile(rf" \S+: {action}\S* .*\bfor \S+: ")
        return [line for line in self.log().splitlines()
                if carried_out.search(line) and " was refused: " not in line]

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait_end(self, patience: float = PATIENCE) -> int:
        return self._process.wait(patience)

    def stop(self) -> None:
        self.signal(signal.SIGTERM)
        assert self.wait_end() == 0, self.log()

    def kill(self) -> None:
        if self.running:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        for orderer in self._orderers:
            orderer.close()
        self.kill()
        if self._listener:
            self._listener.close()
        for line in self.log().splitlines():
            assert LOG_LINE.match(line) or line.startswith(("relinkd-actuator: ", "/")), line
