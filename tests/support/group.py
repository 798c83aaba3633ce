# SPDX-License-Identifier: Apache-2.0
"""A primary and two replicas, each on a host of its own with a Sentinel beside it."""

import dataclasses
import secrets

from certificates import Authority
from fabric import Fabric, Host
from redis_server import RedisServer
from sentinel_server import News, SentinelServer
from watcher import Collector, wait_until

QUORUM = 2


@dataclasses.dataclass(frozen=True)
class Agreement:
    """A majority of the Sentinels has said who is the primary."""

    when: float
    primary: RedisServer


class ReplicationGroup:
    """Three hosts. The first one's server is the primary at the beginning."""

    name = "mymaster"

    def __init__(
        self,
        fabric: Fabric,
        *,
        password: str | None = None,
        authority: Authority | None = None,
        plain_sentinels: bool = False,
    ):
        """`password`: of the servers, not of the Sentinels. `authority`: both speak TLS;
        `plain_sentinels`: those do so among themselves only."""
        self.news = Collector()
        self.hosts = [fabric.host() for _ in range(3)]
        tls: dict[str, object] = {}
        if authority:
            names = ",".join(f"IP:{host.address}" for host in self.hosts)
            tls = {"tls": (authority, authority.issue("group", names)), "tls_replication": "yes"}
        options = {
            **tls,
            "password": password,
            # A replica's first copy would otherwise wait 5 s for others to join it.
            "repl_diskless_sync_delay": 0,
            **({"masterauth": password} if password else {}),
        }
        first = self.hosts[0]
        self.servers = [fabric.redis(first, **options)]
        self.servers += [
            fabric.redis(host, replicaof=f"{first.address} 6379", **options)
            for host in self.hosts[1:]
        ]
        for replica in self.servers[1:]:
            wait_until(lambda: replica.follows(self.servers[0]), f"link of {replica.host_port}")
        ids = [secrets.token_hex(20) for _ in self.hosts]
        self.sentinels = [
            SentinelServer(
                host.namespace, fabric.new_folder("sentinel"), host.address,
                self._directives(number, ids, password, plain_sentinels), self.news.add,
                plain=plain_sentinels, **tls,
            )
            for number, host in enumerate(self.hosts)
        ]
        for sentinel in self.sentinels:
            fabric.cleanup(sentinel.close)
        self.wait_settled()

    def _directives(
        self, number: int, ids: list[str], password: str | None, other_port: bool
    ) -> list[str]:
        """Its configuration, as it would have written it after it had found the others itself."""
        primary, *replicas = (host.address for host in self.hosts)
        port = SentinelServer.OTHER_PORT if other_port else SentinelServer.PORT
        return [
            f"myid {ids[number]}",
            f"monitor {self.name} {primary} 6379 {QUORUM}",
            f"down-after-milliseconds {self.name} 1000",
            f"failover-timeout {self.name} 5000",
            *([f"auth-pass {self.name} {password}"] if password else []),
            *(f"known-replica {self.name} {address} 6379" for address in replicas),
            *(
                f"known-sentinel {self.name} {host.address} {port} {id_}"
                for host, id_ in zip(self.hosts, ids)
                if id_ != ids[number]
            ),
        ]

    def url(self, *sentinels: SentinelServer) -> str:
        """Of the endpoint; it names these Sentinels (default: all)."""
        named = ",".join(one.host_port for one in sentinels or self.sentinels)
        return f"redis-sentinel://{named}#{self.name}"

    def host_of(self, server: RedisServer) -> Host:
        return next(host for host in self.hosts if host.address == server.address)

    def sentinel_beside(self, server: RedisServer) -> SentinelServer:
        """The one on the same host."""
        return self.sentinels[self.servers.index(server)]

    def sentinels_elsewhere(self, server: RedisServer) -> list[SentinelServer]:
        return [one for one in self.sentinels if one.address != server.address]

    # ------------------------------------------------------------------------------------ events

    def mark(self) -> int:
        """A place in the course of the Sentinels' news, to look from."""
        return len(self.news.all())

    def wait_news(self, channel: str, start: str = "", since: int = 0) -> News:
        """What any Sentinel publishes, of a text that begins so."""
        return self.news.wait(
            lambda n: n.channel == channel and n.data.startswith(start), f"{channel} {start}", since
        )

    def wait_switch(self, old: RedisServer, since: int = 0) -> Agreement:
        """Waits until a majority of the Sentinels has published the same successor of `old`."""
        said: dict[str, set[str]] = {}

        def agreed(news: News) -> bool:
            if news.channel != "+switch-master":
                return False
            name, address, port, *successor = news.data.split()
            if (name, f"{address}:{port}") != (self.name, old.host_port):
                return False
            voices = said.setdefault(":".join(successor), set())
            voices.add(news.sentinel)
            return len(voices) > len(self.sentinels) // 2

        last = self.news.wait(agreed, f"majority for a successor of {old.host_port}", since)
        address = last.data.split()[3]
        return Agreement(last.when, next(s for s in self.servers if s.address == address))

    def fail_over_gently(self, fabric: Fabric) -> tuple[RedisServer, RedisServer]:
        """A failover that leaves the clients of the old primary connected, as planned ones of
        managed services do, and where a FIN is lost: Sentinel itself would kill them with the order
        that demotes. The others elect while they cannot reach it; then its operator makes it a
        replica. The old primary and the new one."""
        old, mark = self.primary(), self.mark()
        apart = self.host_of(old)
        fabric.split([apart], [host for host in self.hosts if host is not apart])
        agreement = self.wait_switch(old, mark)
        new = agreement.primary
        old.client().replicaof(new.address, new.port)
        fabric.repair()
        self.wait_settled()
        return old, new

    def wait_settled(self) -> None:
        """Waits until everything that runs has its place: one primary, which the others follow, and
        Sentinels that know so and could agree on a failover."""
        wait_until(self._settled, "settled group")

    def _settled(self) -> bool:
        sentinels = [one for one in self.sentinels if one.running]
        servers = [one for one in self.servers if one.running]
        return (
            all(one.has_quorum(self.name) for one in sentinels)
            and len(set(one.state(self.name)["ip"] for one in sentinels)) == 1
            and all(one.state(self.name)["flags"] == "master" for one in sentinels)
            and sum(one.role() == "primary" for one in servers) == 1
            and all(
                one.role() == "primary" or one.follows(self.primary()) for one in servers
            )
            and all(self._fit_replicas(one) == len(servers) - 1 for one in sentinels)
        )

    def _fit_replicas(self, sentinel: SentinelServer) -> int:
        """How many it finds well. One that it last saw as a primary it would soon make a replica,
        whatever another Sentinel does with it meanwhile."""
        return sum(
            one["flags"] == one["role-reported"] == "slave" and one["master-link-status"] == "ok"
            for one in sentinel.replicas(self.name)
        )

    def primary(self) -> RedisServer:
        """The server that the first Sentinel which runs calls the primary."""
        sentinel = next(one for one in self.sentinels if one.running)
        address = sentinel.state(self.name)["ip"]
        return next(one for one in self.servers if one.address == address)
