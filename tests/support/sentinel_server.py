# SPDX-License-Identifier: Apache-2.0
"""A real Redis Sentinel in a namespace, and what it publishes."""

import contextlib
import dataclasses
import pathlib
import threading
import time
from collections.abc import Callable, Sequence

import redis
from network import Namespace
from redis_server import RedisServer


@dataclasses.dataclass(frozen=True)
class News:
    """What one Sentinel published, and when it was heard."""

    when: float
    sentinel: str  # host:port
    channel: str
    data: str

    def __str__(self) -> str:
        return f"{self.when:.3f} {self.sentinel}: {self.channel} {self.data}"


class SentinelServer(RedisServer):
    """One Sentinel. It keeps its own configuration file, so a restart goes on with what it knew."""

    PORT = 26379
    OTHER_PORT = 26380

    def __init__(
        self,
        namespace: Namespace,
        folder: pathlib.Path,
        address: str,
        directives: Sequence[str],
        hear: Callable[[News], None],
        *,
        plain: bool = False,
        **options: object,
    ):
        """`directives`: the lines of sentinel.conf that begin with "sentinel". `plain`: its port
        is without TLS; to servers and other Sentinels, at OTHER_PORT, it speaks TLS."""
        self._directives = directives
        self._hear = hear
        self._plain = plain
        super().__init__(namespace, folder, address, self.PORT, **options)

    def _make_command(self, folder: pathlib.Path, settings: dict[str, object]) -> list[str]:
        if self._plain:
            settings |= {"port": self.port, "tls-port": self.OTHER_PORT}
        lines = [f'{key} "{value}"' for key, value in settings.items()]
        lines += [f"sentinel {directive}" for directive in self._directives]
        file = folder / "sentinel.conf"
        file.write_text("\n".join(lines) + "\n")
        return ["redis-server", str(file), "--sentinel"]

    def start(self) -> None:
        super().start()
        # A PING a second would make a pause of one second look like the end of any server. A
        # returned primary is made a replica four publish periods after it is seen: not in 8 s.
        self.tune(ping_period=200, publish_period=250, info_period=500)
        connection = redis.UnixDomainSocketConnection(path=str(self.unix_socket))
        connection.send_command("PSUBSCRIBE", "*")
        connection.read_response()
        threading.Thread(target=self._listen, args=(connection,), daemon=True).start()

    def tune(self, **milliseconds: int) -> None:
        """SENTINEL DEBUG: the periods that Sentinel has built in."""
        for name, value in milliseconds.items():
            self.client().execute_command("SENTINEL", "DEBUG", name.replace("_", "-"), value)

    def _listen(self, connection: redis.UnixDomainSocketConnection) -> None:
        with contextlib.suppress(redis.exceptions.ConnectionError):
            while True:
                _, _, channel, data = connection.read_response()
                self._hear(News(time.time(), self.host_port, channel.decode(), data.decode()))

    def state(self, name: str) -> dict[str, str]:
        """SENTINEL MASTER."""
        answer = self.client().execute_command("SENTINEL", "MASTER", name)
        return _pairs(answer)

    def replicas(self, name: str) -> list[dict[str, str]]:
        """SENTINEL REPLICAS."""
        return [_pairs(one) for one in self.client().execute_command("SENTINEL", "REPLICAS", name)]

    def failover(self, name: str) -> None:
        """SENTINEL FAILOVER: a switchover by hand."""
        self.client().execute_command("SENTINEL", "FAILOVER", name)

    def has_quorum(self, name: str) -> bool:
        """Whether it has links to so many Sentinels that a failover could be agreed on."""
        try:
            self.client().execute_command("SENTINEL", "CKQUORUM", name)
        except redis.exceptions.ResponseError:
            return False
        return True


def _pairs(answer: list[bytes]) -> dict[str, str]:
    words = [word.decode() for word in answer]
    return dict(zip(words[::2], words[1::2]))
