# SPDX-License-Identifier: Apache-2.0
"""Servers that are not Redis, or not quite: a TCP proxy and scripted peers."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable

from network import Namespace

# What a scripted peer does with one connection.
Script = Callable[[socket.socket], None]


class Peer:
    """A TCP server that hands each connection to `serve`, in a thread of its own."""

    def __init__(
        self,
        namespace: Namespace,
        address: str,
        port: int,
        serve: Script,
    ):
        self.address = address
        self.port = port
        self.accepted = 0
        self._serve = serve
        self._listener = namespace.listen(address, port)
        self._connections: list[socket.socket] = []
        self._ended = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def host_port(self) -> str:
        return f"{self.address}:{self.port}"

    def url(self, scheme: str = "redis") -> str:
        return f"{scheme}://{self.host_port}"

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            self._connections.append(connection)
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection: socket.socket) -> None:
        # The daemon closes connections that it is tired of, at any point of the script.
        with contextlib.suppress(OSError), connection:
            self._serve(connection)

    def close(self) -> None:
        self._ended.set()
        for open_socket in [self._listener, *self._connections]:
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
            open_socket.close()


class Proxy:
    """A TCP proxy in front of a server, with a back end for each connection."""

    def __init__(self, namespace: Namespace, address: str, port: int, target: tuple[str, int]):
        self._namespace = namespace
        self._target = target
        # What becomes of each piece of the server's replies.
        self.spoil: Callable[[bytes], bytes] = lambda data: data
        self._dead_legs: set[socket.socket] = set()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._peer = Peer(namespace, address, port, self._serve)
        self.url = self._peer.url
        self.host_port = self._peer.host_port
        self.port = port

    def _serve(self, front: socket.socket) -> None:
        back = self._namespace.connect(*self._target)
        back.settimeout(None)
        with self._lock:
            self._open.add(front)
        answers = threading.Thread(target=self._pump, args=(back, front, front), daemon=True)
        answers.start()
        self._pump(front, back, front)
        with self._lock:
            self._open.discard(front)
        back.close()

    def _pump(self, source: socket.socket, sink: socket.socket, front: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if front not in self._dead_legs:
                    sink.sendall(self.spoil(data) if sink is front else data)
            if front not in self._dead_legs:
                sink.shutdown(socket.SHUT_WR)

    def kill_back_ends(self) -> float:
        """The back ends of the connections of now are gone; their front ends stay. The time."""
        with self._lock:
            self._dead_legs |= self._open
        return time.time()

    @property
    def accepted(self) -> int:
        return self._peer.accepted

    def close(self) -> None:
        self._peer.close()


# ------------------------------------------------------------------------------------ scripts


def replies(script: Callable[[bytes], bytes | None]) -> Script:
    """Answers each request by `script`; None: never."""

    def serve(connection: socket.socket) -> None:
        while request := connection.recv(65536):
            answer = script(request)
            if answer is not None:
                connection.sendall(answer)

    return serve


def commands(answer: Callable[[list[str]], bytes | None]) -> Script:
    """Answers each command, of which `answer` gets the words; None: never."""

    def serve(connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while line := stream.readline():
                words = []
                for _ in range(int(line[1:])):
                    length = int(stream.readline()[1:])
                    words.append(stream.read(length + 2)[:-2].decode())
                reply = answer(words)
                if reply is not None:
                    connection.sendall(reply)

    return serve


def http(connection: socket.socket) -> None:
    """A web server's answer to what it does not understand."""
    connection.recv(65536)
    body = b"<html><body><h1>400 Bad Request</h1></body></html>"
    connection.sendall(
        b"HTTP/1.1 400 Bad Request\r\nServer: test\r\nContent-Type: text/html\r\n"
        b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body)
    )


def flood(chunk: bytes, opening: bytes = b"") -> Script:
    """Sends without end, whether asked or not."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(opening)
        while True:
            connection.sendall(chunk)

    return serve


def trickle(seconds: float = 1.0) -> Script:
    """Answers every command by +PONG, one byte at a time."""

    def serve(connection: socket.socket) -> None:
        while request := connection.recv(65536):
            for byte in b"+PONG\r\n" * max(1, request.count(b"*")):
                time.sleep(seconds)
                connection.sendall(bytes([byte]))

    return serve
