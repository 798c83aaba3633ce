#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How an application that uses redis-py replaces its connections when relinkd says so.

    python3 redis_py.py redis://127.0.0.1:6379 --endpoint sessions

counts a key up once a second. Take the classes into your application: they need redis-py and
nothing else. Without relinkd they do what is left: they replace the connections when errors go on
for half a minute.
"""

import argparse
import contextlib
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator

import redis

CONTROL_SOCKET = "/run/relinkd/control.sock"


class ReconnectRule:
    """When connections are replaced: it decides, and does nothing. Times are seconds of one clock.

    It is the habit that Microsoft describes as ForceReconnect: not for one error, and not again and
    again. What relinkd says needs no errors.
    """

    def __init__(self, min_interval: float = 60, error_threshold: float = 30, jitter: float = 2,
                 rand: Callable[[], float] = random.random) -> None:
        self.min_interval = min_interval  # between two replacements
        self.error_threshold = error_threshold  # how long errors go on before they count
        self.jitter = jitter  # hosts that learn the same at the same time shall not act as one
        self._rand = rand
        self._generation: int | None = None
        self._first_error: float | None = None
        self._last_error = 0.0
        self._last_time: float | None = None
        self.due: float | None = None  # when to replace them next

    def saw_generation(self, generation: int, now: float) -> None:
        """relinkd's number for the endpoint. The first one is where it stands; a rise means that
        connections made before are to be replaced. It falls when relinkd is started anew."""
        if self._generation is not None and generation > self._generation:
            self._ask(now)
        self._generation = max(generation, self._generation or 0)

    def saw_error(self, now: float) -> None:
        """A connection error or a timeout of a command."""
        if self._first_error is None or now - self._last_error > self.error_threshold:
            self._first_error = now
        self._last_error = now
        if now - self._first_error >= self.error_threshold:
            self._ask(now)

    def take(self, now: float) -> bool:
        """Whether to replace the connections now; if so, they count as replaced."""
        if self.due is None or now < self.due:
            return False
        self.due, self._first_error, self._last_time = None, None, now
        return True

    def _ask(self, now: float) -> None:
        if self.due is None:
            earliest = now if self._last_time is None else self._last_time + self.min_interval
            self.due = max(now, earliest) + self.jitter * self._rand()


def backoff(attempt: int) -> float:
    """Seconds before relinkd is called again: at random, of 1 s at first, of 30 s in the end."""
    return random.uniform(0, min(30, 2**min(attempt, 5)))


def follow(path: str) -> Iterator[list[dict]]:
    """What relinkd says of this process's endpoints, now and at each change (Varlink: JSON, then a
    NUL). Ends with an OSError or a ValueError."""
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(path)
        control.sendall(b'{"method": "io.relinkd.Subscribe", "more": true}\0')
        pending = b""
        while data := control.recv(65536):
            *messages, pending = (pending + data).split(b"\0")
            for message in messages:
                reply = json.loads(message)
                if "error" in reply:
                    raise ValueError(reply["error"])
                yield reply["parameters"]["subscriptions"]


def replace_connections(client: redis.Redis) -> None:
    """Ends each connection of the client; redis-py makes new ones as it needs them. A call that
    waits on one fails, or is repeated as the client's `retry` says."""
    pool = client.connection_pool
    pool.disconnect(inuse_connections=False)
    # pool.disconnect() would also close those in use, under the hands of the threads that use them.
    # To be shut down is for these as if the server had closed the connection. (The base class: an
    # SSLSocket would drop its state, too.)
    for connection in list(pool._in_use_connections):
        with contextlib.suppress(OSError, TypeError):  # it is closed, or was never open
            socket.socket.shutdown(connection._sock, socket.SHUT_RDWR)


class Reconnector:
    """Replaces the connections of one client. `endpoint` is the name that relinkd.toml has."""

    def __init__(self, client: redis.Redis, endpoint: str, control: str = CONTROL_SOCKET,
                 rule: ReconnectRule | None = None) -> None:
        self._client = client
        self._endpoint = endpoint
        self._control = control
        self._rule = rule or ReconnectRule()
        self._changed = threading.Condition()

    def start(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._work, daemon=True).start()

    def saw_error(self) -> None:
        """The application tells each redis.ConnectionError and redis.TimeoutError."""
        with self._changed:
            self._rule.saw_error(time.monotonic())
            self._changed.notify()

    def _listen(self) -> None:
        attempt = 0
        while True:
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                for subscriptions in follow(self._control):
                    attempt = 0
                    self._hear(subscriptions)
            time.sleep(backoff(attempt))
            attempt += 1

    def _hear(self, subscriptions: list[dict]) -> None:
        with self._changed:
            for subscription in subscriptions:
                if subscription["endpoint"] == self._endpoint:
                    self._rule.saw_generation(subscription["generation"], time.monotonic())
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                due = self._rule.due
                self._changed.wait(None if due is None else max(0, due - time.monotonic()))
                if not self._rule.take(time.monotonic()):
                    continue
            replace_connections(self._client)


def main() -> None:
    parser = argparse.ArgumentParser(description="Counts a key up once a second.")
    parser.add_argument("url")
    parser.add_argument("--endpoint", required=True, help="its name in relinkd.toml")
    parser.add_argument("--control", default=CONTROL_SOCKET, help="relinkd's socket")
    # It is the application's own bound; without one a call may hang for a quarter of an hour.
    parser.add_argument("--timeout", type=float, default=5, help="of a call, in seconds")
    arguments = parser.parse_args()

    client = redis.Redis.from_url(arguments.url, socket_timeout=arguments.timeout)
    reconnector = Reconnector(client, arguments.endpoint, arguments.control)
    reconnector.start()
    while True:
        try:
            print(client.incr("relinkd-example"), flush=True)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            print(f"{type(error).__name__}: {error}", flush=True)
            reconnector.saw_error()
        time.sleep(1)


if __name__ == "__main__":
    main()
