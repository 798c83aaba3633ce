# SPDX-License-Identifier: Apache-2.0
"""A real redis-server in a namespace."""

import os
import pathlib
import signal
import subprocess
import time

import redis
from certificates import Authority, Certificate
from network import CLIENT, CLIENT6, Namespace


class RedisServer:
    """One redis-server. The tests talk to it over a Unix socket, so that its port sees only what
    is under test."""

    def __init__(
        self,
        namespace: Namespace,
        folder: pathlib.Path,
        address: str,
        port: int = 6379,
        *,
        password: str | None = None,
        tls: tuple[Authority, Certificate] | None = None,
        ask_client_certificate: bool = False,
        **options: object,
    ):
        self.address = address
        self.port = port
        self.unix_socket = folder / f"redis-{port}-{address.replace(':', '_')}.sock"
        self._namespace = namespace
        self._password = password
        self._process: subprocess.Popen | None = None
        folder.chmod(0o755)
        settings: dict[str, object] = {
            "bind": address,
            "port": 0 if tls else port,
            "unixsocket": self.unix_socket,
            "unixsocketperm": "777",
            "save": "",
            "appendonly": "no",
            "dir": folder,
            "protected-mode": "no",
            "enable-debug-command": "yes",
            # Redis would otherwise probe idle connections itself, which is traffic of its own.
            "tcp-keepalive": 0,
            "logfile": folder / f"redis-{port}-{address.replace(':', '_')}.log",
        }
        if tls:
            authority, certificate = tls
            settings |= {
                "tls-port": port,
                "tls-ca-cert-file": authority.ca_file,
                "tls-cert-file": certificate.cert_file,
                "tls-key-file": certificate.key_file,
                "tls-auth-clients": "yes" if ask_client_certificate else "no",
            }
        if password:
            settings["requirepass"] = password
        settings |= {key.replace("_", "-"): value for key, value in options.items()}
        self._command = self._make_command(folder, settings)
        self.start()

    def _make_command(self, folder: pathlib.Path, settings: dict[str, object]) -> list[str]:
        """The command line that starts it."""
        del folder
        options = [word for key, value in settings.items() for word in (f"--{key}", str(value))]
        return ["redis-server", *options]

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def host_port(self) -> str:
        """As relinkd names a node."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"

    def url(self, scheme: str = "redis", user: str = "") -> str:
        return f"{scheme}://{user + '@' if user else ''}{self.host_port}"

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self.unix_socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            self._namespace.command(*self._command),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                if self.client().ping():
                    return
            except (redis.exceptions.ConnectionError, redis.exceptions.ResponseError) as error:
                if "MASTERDOWN" in str(error):
                    return
                ended = self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    raise RuntimeError(f"redis-server does not start: {self._command}") from error
                time.sleep(0.02)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def client(self) -> redis.Redis:
        return redis.Redis(
            unix_socket_path=str(self.unix_socket), password=self._password, socket_timeout=30
        )

    def role(self) -> str:
        """As relinkd names it."""
        said = self.client().role()[0].decode()
        return {"master": "primary", "slave": "replica"}[said]

    def follows(self, primary: "RedisServer") -> bool:
        """Whether it is a replica of that server, with a link that works, as both say. Before the
        primary says so, the replica cannot take over."""
        kind, *rest = self.client().role()
        if kind != b"slave" or rest[:3] != [primary.address.encode(), primary.port, b"connected"]:
            return False
        kind, _, replicas = (*primary.client().role(), None, None)[:3]
        me = [self.address.encode(), str(self.port).encode()]
        return kind == b"master" and any(one[:2] == me for one in replicas)

    def watchers(self) -> list[dict]:
        """CLIENT LIST's lines of connections over the link."""
        hosts = (f"{CLIENT.ip}:", f"[{CLIENT6.ip}]:")
        return [c for c in self.client().client_list() if c["addr"].startswith(hosts)]

    def freeze(self) -> float:
        """Stops the process: the kernel goes on acknowledging. The time."""
        now = time.time()
        os.kill(self.pid, signal.SIGSTOP)
        return now

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self, how: signal.Signals = signal.SIGKILL) -> float:
        """Ends the process and waits for its end. The time."""
        assert self._process
        now = time.time()
        os.kill(self.pid, signal.SIGCONT)
        self._process.send_signal(how)
        self._process.wait(timeout=30)
        return now

    def restart(self) -> None:
        self.kill()
        self.start()

    def close(self) -> None:
        if self.running:
            self.kill()
