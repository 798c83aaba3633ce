# SPDX-License-Identifier: Apache-2.0
"""Network namespaces, the link between them, and a tap that sees what arrives."""

from __future__ import annotations

import concurrent.futures
import ctypes
import dataclasses
import errno
import ipaddress
import os
import socket
import struct
import subprocess
import threading
import time

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


def run(*command: str, stdin: str | None = None) -> str:
    """Runs a command that must succeed; its standard output."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


class Namespace:
    """A network namespace with its loopback up."""

    def __init__(self, name: str):
        self.name = name
        run("ip", "netns", "add", name)
        self.run("ip", "link", "set", "lo", "up")
        # A socket belongs to the namespace of the thread that makes it, for as long as it lives.
        self._thread = concurrent.futures.ThreadPoolExecutor(1, initializer=self._enter)

    def _enter(self) -> None:
        handle = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            if _libc.setns(handle, _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(handle)

    def command(self, *command: str) -> list[str]:
        """The command line that runs `command` in here, as the same process."""
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command: str, stdin: str | None = None) -> str:
        return run(*self.command(*command), stdin=stdin)

    def socket(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, proto: int = 0):
        return self._thread.submit(socket.socket, family, kind, proto).result()

    def listen(self, address: str, port: int, backlog: int = 64) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = self.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(backlog)
        return listener

    def connect(self, address: str, port: int, timeout: float = 10) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connection = self.socket(family)
        connection.settimeout(timeout)
        connection.connect((address, port))
        return connection

    def set_sysctl(self, key: str, value: object) -> None:
        self.run("sysctl", "-qw", f"{key}={value}")

    def remove(self) -> None:
        self._thread.shutdown()
        run("ip", "netns", "del", self.name)


CLIENT = ipaddress.ip_interface("198.18.0.1/24")
CLIENT6 = ipaddress.ip_interface("fd00:198:18::1/64")
# The server's namespace has several addresses, so that there can be several hosts in it.
SERVERS = [ipaddress.ip_interface(f"198.18.0.{n}/24") for n in range(2, 8)]
SERVERS6 = [ipaddress.ip_interface(f"fd00:198:18::{n}/64") for n in range(2, 8)]
LINK = "link0"


def join(client: Namespace, server: Namespace) -> None:
    """Lays a link between two namespaces and gives both ends their addresses."""
    run("ip", "link", "add", LINK, "netns", client.name, "type", "veth",
        "peer", "name", LINK, "netns", server.name)
    ends = ((client, [CLIENT, CLIENT6]), (server, [*SERVERS, *SERVERS6]))
    # Up first, and no search for duplicate addresses: then IPv6 is usable at once.
    for namespace, _ in ends:
        namespace.run("sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0",
                      f"net.ipv6.conf.{LINK}.accept_dad=0",
                      # IPv6 addresses outlive the link being down, as IPv4 addresses do.
                      f"net.ipv6.conf.{LINK}.keep_addr_on_down=1")
        namespace.run("ip", "link", "set", LINK, "up")
    for namespace, interfaces in ends:
        batch = "".join(
            f"address add {i} dev {LINK} {'nodad' if i.version == 6 else ''}\n" for i in interfaces
        )
        namespace.run("ip", "-batch", "-", stdin=batch)
    for server_interface in (SERVERS[0], SERVERS6[0]):
        wait_reachable(client, str(server_interface.ip))


def wait_reachable(client: Namespace, address: str) -> None:
    """A link that was just made takes a moment."""
    deadline = time.monotonic() + 30
    while not passes(client, address):
        assert time.monotonic() < deadline, f"{address} cannot be reached"


def passes(client: Namespace, address: str) -> bool:
    """Whether a packet gets there and back: nothing listens on the discard port."""
    try:
        client.connect(address, 9, 0.1)
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


@dataclasses.dataclass(frozen=True)
class Packet:
    """A TCP segment as it arrived at the link, before any firewall rule."""

    time: float  # seconds since the epoch
    source: str
    source_port: int
    port: int
    flags: int
    payload: int  # bytes

    @property
    def is_syn(self) -> bool:
        return self.flags & 0x12 == 0x02


class Tap:
    """Records every TCP segment that the client sends over the link."""

    def __init__(self, server: Namespace):
        self._socket = server.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self._socket.bind((LINK, 0x0003))
        self._socket.settimeout(0.2)
        self._packets: list[Packet] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._ended.is_set():
            try:
                data, (_, protocol, kind, *_) = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            except OSError as error:
                if error.errno != errno.ENETDOWN:
                    raise
                continue
            if kind == socket.PACKET_OUTGOING:
                continue
            packet = _parse(data, protocol, time.time())
            if packet:
                self._packets.append(packet)

    def packets(self, port: int, since: float = 0) -> list[Packet]:
        """What arrived for a port, oldest first."""
        return [p for p in list(self._packets) if p.port == port and p.time >= since]

    def connects(self, port: int, since: float = 0) -> list[Packet]:
        """The attempts to connect to a port: first SYNs, without their retransmissions."""
        seen: set[tuple[str, int]] = set()
        first = []
        for packet in self.packets(port, since):
            if packet.is_syn and (packet.source, packet.source_port) not in seen:
                seen.add((packet.source, packet.source_port))
                first.append(packet)
        return first

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()


def _parse(data: bytes, protocol: int, when: float) -> Packet | None:
    if protocol == 0x0800 and data[9] == socket.IPPROTO_TCP:
        header = (data[0] & 0x0F) * 4
        total = struct.unpack_from("!H", data, 2)[0]
        source = socket.inet_ntop(socket.AF_INET, data[12:16])
    elif protocol == 0x86DD and data[6] == socket.IPPROTO_TCP:
        header = 40
        total = 40 + struct.unpack_from("!H", data, 4)[0]
        source = socket.inet_ntop(socket.AF_INET6, data[8:24])
    else:
        return None
    source_port, port = struct.unpack_from("!HH", data, header)
    tcp_header = (data[header + 12] >> 4) * 4
    return Packet(
        time=when,
        source=source,
        source_port=source_port,
        port=port,
        flags=data[header + 13],
        payload=total - header - tcp_header,
    )
