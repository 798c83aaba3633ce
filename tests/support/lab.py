# SPDX-License-Identifier: Apache-2.0
"""A host with relinkd, a host with servers, and the link between them."""

import contextlib
import os
import pathlib
import secrets
import tempfile
from collections.abc import Callable

from application import Application
from certificates import Authority
from cgroups import Cgroups
from faults import Faults
from name_server import NameServer
from network import SERVERS, SERVERS6, Namespace, Tap, join
from peers import Peer, Proxy, Script
from redis_server import RedisServer
from watcher import NOBODY, Relinkd


class ClientHost:
    """The host with relinkd, and everything that one test makes; close() ends all of it."""

    def __init__(self) -> None:
        self._cleanup = contextlib.ExitStack()
        self._watchers: list[Relinkd] = []
        self._secrets: list[str] = []
        self._cgroups: Cgroups | None = None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lab-"))
        self.folder.chmod(0o755)
        self.client = Namespace("client")
        self._cleanup.callback(self.client.remove)

    # --------------------------------------------------------------------------------- the host

    @staticmethod
    def write_resolv_conf(address: str) -> None:
        """Replaces resolv.conf as network managers do. /etc is a private copy here."""
        new = pathlib.Path("/etc/resolv.conf.new")
        new.unlink(missing_ok=True)
        new.write_text(f"nameserver {address}\n")
        new.chmod(0o644)
        new.rename("/etc/resolv.conf")

    def start_redis(self, namespace: Namespace, address: str, port: int, **options) -> RedisServer:
        made = RedisServer(namespace, self.new_folder("redis"), address, port, **options)
        self._cleanup.callback(made.close)
        return made

    def start_peer(self, namespace: Namespace, address: str, port: int, serve: Script) -> Peer:
        made = Peer(namespace, address, port, serve)
        self._cleanup.callback(made.close)
        return made

    def start_name_server(self, namespace: Namespace, address: str) -> NameServer:
        """A name server, which resolv.conf names."""
        made = NameServer(namespace, address)
        self._cleanup.callback(made.close)
        self.write_resolv_conf(address)
        return made

    def application(
        self, unit: str = "checkout.service", *, namespace: Namespace | None = None, **options
    ) -> Application:
        """One more process of this unit, as far as its cgroup says."""
        made = Application(namespace or self.client, self.cgroup(unit), **options)
        self._cleanup.callback(made.close)
        return made

    def cgroup(self, unit: str) -> pathlib.Path:
        """The folder of this unit's cgroup."""
        if self._cgroups is None:
            self._cgroups = Cgroups()
            self._cleanup.callback(self._cgroups.close)
        return self._cgroups.make(unit)

    def authority(self, name: str = "ca") -> Authority:
        return Authority(self.make_folder(f"authority-{name}"), name)

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
        self._cleanup.callback(made.close)
        return made

    def watch_until_ok(self, *endpoints: dict, **options) -> Relinkd:
        """The same, and waits until each endpoint is ok and was probed a few times."""
        made = self.watch(*endpoints, **options)
        for one in endpoints:
            made.wait_event("ok", one["name"])
            made.wait_probes(one["name"], 2)
        return made

    def cleanup(self, end: Callable[[], object]) -> None:
        """Has `end` called when everything ends, the newest first."""
        self._cleanup.callback(end)

    def make_folder(self, name: str) -> pathlib.Path:
        folder = self.folder / name
        folder.mkdir(mode=0o755, exist_ok=True)
        folder.chmod(0o755)
        return folder

    def new_folder(self, kind: str) -> pathlib.Path:
        """One that nothing else uses."""
        return self.make_folder(f"{kind}-{len(list(self.folder.iterdir()))}")

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
            if watcher.actuator:
                print(f"--- log of the actuator\n{watcher.actuator.log()}")

    def close(self) -> None:
        self._cleanup.close()


class Lab(ClientHost):
    """That host, and one with servers."""

    # The server host's addresses.
    address, other_address, third_address = (str(a.ip) for a in SERVERS[:3])
    address6 = str(SERVERS6[0].ip)
    name_server_address = str(SERVERS[-1].ip)

    def __init__(self) -> None:
        super().__init__()
        self.server = Namespace("server")
        self._cleanup.callback(self.server.remove)
        join(self.client, self.server)
        self.faults = Faults(self.client, self.server)
        self.tap = Tap(self.server)
        self._cleanup.callback(self.tap.close)

    # ---------------------------------------------------------------------------------- servers

    def redis(self, address: str | None = None, port: int = 6379, **options) -> RedisServer:
        return self.start_redis(self.server, address or self.address, port, **options)

    def proxy(self, target: RedisServer, port: int = 16379) -> Proxy:
        made = Proxy(self.server, self.address, port, (target.address, target.port))
        self._cleanup.callback(made.close)
        return made

    def peer(self, serve: Script, port: int = 6379) -> Peer:
        return self.start_peer(self.server, self.address, port, serve)

    def name_server(self) -> NameServer:
        return self.start_name_server(self.server, self.name_server_address)


def endpoint(name: str, url: str, **settings) -> dict:
    """An [[endpoint]] of the configuration."""
    return {"name": name, "url": url, **settings}


def app(name: str, *endpoints: str, **settings) -> dict:
    """An [[app]] of the configuration: the unit of this name, unless `match` says otherwise."""
    return {"name": name, "match": {"unit": f"{name}.service"}, "endpoints": endpoints, **settings}
