# SPDX-License-Identifier: Apache-2.0
"""A small DNS server (RFC 1035) whose answers a test can change, or stop."""

import dataclasses
import socket
import struct
import threading

from network import Namespace

_TYPES = {"A": 1, "CNAME": 5, "AAAA": 28}
_NXDOMAIN = 3
_SERVFAIL = 2


@dataclasses.dataclass(frozen=True)
class Record:
    kind: str  # "A", "AAAA", "CNAME"
    value: str
    ttl: int


class NameServer:
    """Answers over UDP, in a thread of its own."""

    def __init__(self, namespace: Namespace, address: str):
        self.address = address
        self.silent = False  # queries are read and not answered
        self.failing = False  # queries are answered by SERVFAIL
        self.queries: list[str] = []
        self._records: dict[str, list[Record]] = {}
        self._socket = namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        self._socket.settimeout(0.2)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def set(self, name: str, *records: Record) -> None:
        """What the name has from now on; nothing: it does not exist."""
        self._records = {**self._records, name: list(records)}

    def set_address(self, name: str, *addresses: str, ttl: int = 1) -> None:
        self.set(name, *(Record("AAAA" if ":" in a else "A", a, ttl) for a in addresses))

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                query, peer = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            answer = self._answer(query)
            if not self.silent:
                self._socket.sendto(answer, peer)

    def _answer(self, query: bytes) -> bytes:
        labels, position = [], 12
        while query[position]:
            length = query[position]
            labels.append(query[position + 1 : position + 1 + length].decode("ascii"))
            position += 1 + length
        name = ".".join(labels).lower()
        kind = struct.unpack_from("!H", query, position + 1)[0]
        question = query[12 : position + 5]
        self.queries.append(name)
        code, answers = 0, []
        if self.failing:
            code = _SERVFAIL
        elif not self._records.get(name):
            code = _NXDOMAIN
        else:
            answers = self._collect(name, kind)
        flags = 0x8180 | code  # a response; recursion desired and available
        header = query[:2] + struct.pack("!HHHHH", flags, 1, len(answers), 0, 0)
        return header + question + b"".join(answers)

    def _collect(self, name: str, kind: int) -> list[bytes]:
        """The records for one type; a CNAME brings what its target has."""
        answers = []
        for record in self._records.get(name, []):
            if record.kind == "CNAME":
                answers.append(_encode(name, record, _encode_name(record.value)))
                answers += self._collect(record.value, kind)
            elif _TYPES[record.kind] == kind:
                family = socket.AF_INET6 if record.kind == "AAAA" else socket.AF_INET
                answers.append(_encode(name, record, socket.inet_pton(family, record.value)))
        return answers

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()


def _encode_name(name: str) -> bytes:
    return b"".join(bytes([len(p)]) + p.encode("ascii") for p in name.split(".")) + b"\0"


def _encode(name: str, record: Record, data: bytes) -> bytes:
    fixed = struct.pack("!HHIH", _TYPES[record.kind], 1, record.ttl, len(data))
    return _encode_name(name) + fixed + data
