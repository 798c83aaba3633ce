# SPDX-License-Identifier: Apache-2.0
"""A host with relinkd, a host with servers, and the link between them."""

import contextlib
import os
import pathlib
import secrets
import socket
import tempfile
from collections.abc import Callable

from certificates import Authority
from faults import Faults
from name_server import NameServer
from network import SERVERS, SERVERS6, Namespace, Tap, join
from peers import Peer, Proxy
from redis_server import RedisServer
from watcher import NOBODY, Relinkd


class Lab:
    """Everything that one test makes; close() ends all of it."""

    # The server host's addresses.
    address, other_address, third_address = (str(a.ip) for a in SERVERS[:3])
    address6 = str(SERVERS6[0].ip)
    name_server_address = str(SERVERS[-1].ip)

    def __init__(self) -> None:
        self._cleanup = contextlib.ExitStack()
        self._watchers: list[Relinkd] = []
        self._secrets: list[str] = []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lab-"))
        self.folder.chmod(0o755)
        self.client = Namespace("client")
        self._cleanup.callback(self.client.remove)
        self.server = Namespace("server")
        self._cleanup.callback(self.server.remove)
        join(self.client, self.server)
        self.faults = Faults(self.client, self.server)
        self.tap = Tap(self.server)
        self._cleanup.callback(self.tap.close)

    # ---------------------------------------------------------------------------------- servers

    def redis(self, address: str | None = None, port: int = 6379, **options) -> RedisServer:
        folder = self.make_folder(f"redis-{len(list(self.folder.iterdir()))}")
        server = RedisServer(self.server, folder, address or self.address, port, **options)
        self._cleanup.callback(server.close)
        return server

    def proxy(self, target: RedisServer, port: int = 16379) -> Proxy:
        made = Proxy(self.server, self.address, port, (target.address, target.port))
        self._cleanup.callback(made.close)
        return made

    def peer(self, serve: Callable[[socket.socket], None], port: int = 6379) -> Peer:
        made = Peer(self.server, self.address, port, serve)
        self._cleanup.callback(made.close)
        return made

    def name_server(self) -> NameServer:
        """A name server, which resolv.conf names."""
        made = NameServer(self.server, self.name_server_address)
        self._cleanup.callback(made.close)
        self.write_resolv_conf(self.name_server_address)
        return made

    @staticmethod
    def write_resolv_conf(address: str) -> None:
        """Replaces resolv.conf as network managers do. /etc is a private copy here."""
        new = pathlib.Path("/etc/resolv.conf.new")
        new.unlink(missing_ok=True)
        new.write_text(f"nameserver {address}\n")
        new.chmod(0o644)
        new.rename("/etc/resolv.conf")

    def authority(self, name: str = "ca") -> Authority:
        return Authority(self.make_folder(f"authority-{name}"), name)

    # --------------------------------------------------------------------------------- the host

    def secret(self) -> str:
        """A password that must appear nowhere in what the daemon tells."""
        made = secrets.token_hex(12)
        self._secrets.append(made)
        return made

    def secret_file(self, secret: str) -> pathlib.Path:
        """A file with it, that only the daemon's user can read."""
        file = self.make_folder("secrets") / secrets.token_hex(4)
        file.write_text(secret + "\n")
        file.chmod(0o400)
        os.chown(file, NOBODY, NOBODY)
        return file

    def watch(self, *endpoints: dict, **options) -> Relinkd:
        """Starts relinkd on these endpoints and waits until it is ready."""
        folder = self.make_folder(f"relinkd-{len(self._watchers)}")
        made = Relinkd(self.client, folder, list(endpoints), **options)
        self._watchers.append(made)
        self._cleanup.callback(made.kill)
        return made

    def watch_until_ok(self, *endpoints: dict, **options) -> Relinkd:
        """The same, and waits until each endpoint is ok and was probed a few times."""
        made = self.watch(*endpoints, **options)
        for one in endpoints:
            made.wait_event("ok", one["name"])
            made.wait_probes(one["name"], 2)
        return made

    def make_folder(self, name: str) -> pathlib.Path:
        folder = self.folder / name
        folder.mkdir(mode=0o755, exist_ok=True)
        folder.chmod(0o755)
        return folder

    # ----------------------------------------------------------------------------------- the end

    def verify(self) -> None:
        """What must hold for each relinkd, whatever the test was about."""
        for watcher in self._watchers:
            watcher.verify(self._secrets)
            if watcher.running:
                assert watcher.stop() == 0, "relinkd did not end in order"

    def tell(self) -> None:
        """For the report of a failing test."""
        for watcher in self._watchers:
            print(f"--- configuration\n{watcher.config.read_text()}--- log\n{watcher.log()}")

    def close(self) -> None:
        self._cleanup.close()


def endpoint(name: str, url: str, **settings) -> dict:
    """An [[endpoint]] of the configuration."""
    return {"name": name, "url": url, **settings}
