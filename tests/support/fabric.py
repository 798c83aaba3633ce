# SPDX-License-Identifier: Apache-2.0
"""A host with relinkd and several server hosts, all on one switch, that can be cut off from each
other."""

import dataclasses

from faults import prepare, replace_rules
from lab import ClientHost
from name_server import NameServer
from network import CLIENT, LINK, Namespace, run, wait_reachable
from peers import Peer, Script
from redis_server import RedisServer

_BRIDGE = "bridge0"
# Their addresses are in the client's network, beyond those of Lab.
_FIRST = 11
_LAST = 99


@dataclasses.dataclass(frozen=True)
class Host:
    namespace: Namespace
    address: str


class Fabric(ClientHost):
    """Everything that one test makes; close() ends all of it."""

    def __init__(self) -> None:
        super().__init__()
        self._switch = Namespace("switch")
        self._cleanup.callback(self._switch.remove)
        # Without a spanning tree it forwards at once.
        self._switch.run("ip", "link", "add", _BRIDGE, "type", "bridge", "stp_state", "0",
                         "forward_delay", "0")
        self._switch.run("ip", "link", "set", _BRIDGE, "up")
        self._hosts: list[Host] = []
        self.relinkd_host = self._connect(self.client, str(CLIENT.ip))

    def _connect(self, namespace: Namespace, address: str) -> Host:
        port = f"to-{namespace.name}"
        run("ip", "link", "add", LINK, "netns", namespace.name, "type", "veth",
            "peer", "name", port, "netns", self._switch.name)
        self._switch.run("ip", "link", "set", port, "master", _BRIDGE, "up")
        namespace.run("ip", "address", "add", f"{address}/24", "dev", LINK)
        namespace.run("ip", "link", "set", LINK, "up")
        prepare(namespace)
        self._hosts.append(Host(namespace, address))
        return self._hosts[-1]

    # ------------------------------------------------------------------------------------ hosts

    def host(self) -> Host:
        """One more server host."""
        number = _FIRST + len(self._hosts) - 1
        assert number <= _LAST
        namespace = Namespace(f"host{number}")
        self._cleanup.callback(namespace.remove)
        made = self._connect(namespace, f"198.18.0.{number}")
        wait_reachable(self.client, made.address)
        return made

    def redis(self, host: Host, port: int = 6379, **options) -> RedisServer:
        return self.start_redis(host.namespace, host.address, port, **options)

    def peer(self, host: Host, serve: Script, port: int = 6379) -> Peer:
        return self.start_peer(host.namespace, host.address, port, serve)

    def name_server(self, host: Host) -> NameServer:
        return self.start_name_server(host.namespace, host.address)

    # ----------------------------------------------------------------------------------- faults

    def split(self, *parts: list[Host]) -> None:
        """No packet passes between hosts of different parts; a host that is in none reaches all.
        Takes the place of an earlier split: what both cut stays cut all the time."""
        for host in self._hosts:
            others = [h.address for p in parts if host not in p for h in p]
            apart = others and any(host in p for p in parts)
            rules = [f"ip saddr {{ {', '.join(others)} }} drop"] if apart else []
            replace_rules(host.namespace, *rules)

    def isolate(self, *hosts: Host) -> None:
        """Cuts these off from all others; they go on reaching each other."""
        self.split(list(hosts), [h for h in self._hosts if h not in hosts])

    def repair(self) -> None:
        """Everybody reaches everybody again."""
        self.split()
