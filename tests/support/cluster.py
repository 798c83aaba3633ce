# SPDX-License-Identifier: Apache-2.0
"""A Redis Cluster: each node on a host of its own."""

import dataclasses
import itertools
import re
import time

from fabric import Fabric, Host
from redis_server import RedisServer
from watcher import PATIENCE, wait_until

SLOTS = 16384
# Milliseconds until a node that does not answer is suspected.
NODE_TIMEOUT = 1500


@dataclasses.dataclass(frozen=True)
class Member:
    """A node as one member describes it (CLUSTER NODES)."""

    id: str
    flags: frozenset[str]
    primary_id: str
    slots: int  # how many it serves
    linked: bool

    @property
    def part(self) -> tuple[str, frozenset[str], str]:
        """What all must agree on: everything but whose own view it is."""
        return self.id, self.flags - {"myself"}, self.primary_id


class Cluster:
    """Three primaries, which have the slots in equal shares, and then a replica of each."""

    def __init__(self, fabric: Fabric, **options):
        """`options`: settings of every node; a callable is asked with the node's host."""
        self._fabric = fabric
        self._options = options
        self.hosts: list[Host] = []
        self.nodes: list[RedisServer] = []
        self._ids: dict[RedisServer, str] = {}
        self._voted_on: dict[str, float] = {}
        for _ in range(6):
            self._start_node()
        for epoch, node in enumerate(self.nodes, 1):
            _order(node, "SET-CONFIG-EPOCH", epoch)
        shares = [round(SLOTS / 3 * number) for number in range(4)]
        for node, (first, end) in zip(self.nodes, itertools.pairwise(shares)):
            _order(node, "ADDSLOTSRANGE", first, end - 1)
        for one, other in itertools.combinations(self.nodes, 2):
            self._introduce(one, other)
        self._wait_known()
        for primary, replica in zip(self.nodes[:3], self.nodes[3:]):
            _order(replica, "REPLICATE", self.id(primary))
        self.wait_settled()

    def _start_node(self) -> RedisServer:
        host = self._fabric.host()
        given = {k: v(host) if callable(v) else v for k, v in self._options.items()}
        node = self._fabric.redis(
            host,
            cluster_enabled="yes",
            cluster_node_timeout=NODE_TIMEOUT,
            cluster_allow_replica_migration="no",
            repl_diskless_sync_delay=0,
            **given,
        )
        self.hosts.append(host)
        self.nodes.append(node)
        return node

    @staticmethod
    def _introduce(one: RedisServer, other: RedisServer) -> None:
        _order(one, "MEET", other.address, other.port)

    def url(self, *seeds: RedisServer) -> str:
        """Of the endpoint; it names these nodes (default: the first three)."""
        named = ",".join(one.host_port for one in seeds or self.nodes[:3])
        return f"redis-cluster://{named}"

    def host_of(self, node: RedisServer) -> Host:
        return self.hosts[self.nodes.index(node)]

    def replica_of(self, primary: RedisServer) -> RedisServer:
        """A replica that runs."""
        id_ = self.id(primary)
        replicas = {m.id for m in self.members(primary) if m.primary_id == id_}
        return next(node for node in self.living() if self.id(node) in replicas)

    # ----------------------------------------------------------------------------- what is known

    def id(self, node: RedisServer) -> str:
        """Its id, for as long as its data live."""
        if node not in self._ids:
            self._ids[node] = _order(node, "MYID").decode()
        return self._ids[node]

    @staticmethod
    def members(node: RedisServer) -> list[Member]:
        """Everybody, as this node sees it."""
        return [_member(line) for line in _order(node, "NODES").decode().splitlines()]

    def living(self) -> list[RedisServer]:
        return [node for node in self.nodes if node.running]

    def _wait_known(self) -> None:
        count = len(self.living())

        def all_linked() -> bool:
            views = [self.members(node) for node in self.living()]
            return all(
                sum(m.linked and "handshake" not in m.flags for m in view) == count
                for view in views
            )

        wait_until(all_linked, "cluster in which everybody knows everybody")

    def wait_settled(self) -> None:
        """Waits until all that run agree: the state is ok, everybody has the same part in the eyes
        of all, nobody is failing, replicas follow."""

        def settled() -> bool:
            living = self.living()
            ids = {self.id(node) for node in living}
            views = [{m.part for m in self.members(n) if m.id in ids} for n in living]
            return (
                all(_state(node) == "ok" for node in living)
                and all(view == views[0] for view in views)
                and not any({"fail", "fail?", "handshake"} & part[1] for part in views[0])
                and all(
                    node.role() == "primary" or node.client().role()[3] == b"connected"
                    for node in living
                )
            )

        wait_until(settled, "settled cluster")

    def wait_primary(self, node: RedisServer) -> float:
        """Waits until every node that runs calls this one a primary with slots. The time."""
        return self._wait_agreed(
            lambda m: m.id == self.id(node) and "master" in m.flags and m.slots > 0,
            f"agreement that {node.host_port} is a primary",
        )

    def wait_slots(self, node: RedisServer, slots: int) -> float:
        """Waits until every node that runs says that this one serves so many slots. The time."""
        return self._wait_agreed(
            lambda m: m.id == self.id(node) and m.slots == slots,
            f"agreement that {node.host_port} serves {slots} slots",
        )

    def wait_state(self, state: str) -> float:
        """Waits until each node that runs says cluster_state:STATE. The time."""
        wait_until(
            lambda: all(_state(node) == state for node in self.living()),
            f"cluster_state:{state}",
        )
        return time.time()

    def _wait_agreed(self, wanted, what: str) -> float:
        # Often: the time of the agreement is what others are measured by.
        end = time.monotonic() + PATIENCE
        while not all(any(map(wanted, self.members(node))) for node in self.living()):
            assert time.monotonic() < end, f"no {what} within {PATIENCE} s"
            time.sleep(0.01)
        return time.time()

    # ----------------------------------------------------------------------------------- changes

    def failover(self, replica: RedisServer) -> None:
        """CLUSTER FAILOVER: the replica takes over from its primary, which is well."""
        primary = next(m for m in self.members(replica) if m.id == self.id(replica)).primary_id
        # Others do not vote twice on the same primary within two node timeouts, and the order then
        # fails without a word.
        allowed = self._voted_on.get(primary, 0) + 2.2 * NODE_TIMEOUT / 1000
        time.sleep(max(0, allowed - time.monotonic()))
        self._voted_on[primary] = time.monotonic()
        _order(replica, "FAILOVER")

    def add_node(self) -> RedisServer:
        """One more primary, without slots yet."""
        made = self._start_node()
        for node in self.living():
            if node is not made:
                self._introduce(made, node)
        self._wait_known()
        return made

    def remove_node(self, node: RedisServer) -> None:
        """Ends a node that has no slots, and has the others forget it."""
        node.kill()
        for other in self.living():
            _order(other, "FORGET", self.id(node))

    def move_slots(self, first: int, last: int, source: RedisServer, target: RedisServer) -> None:
        """Moves slots without keys, in the steps that redis-cli takes."""
        from_id, to_id = self.id(source), self.id(target)
        for node, *step in (
            (target, "IMPORTING", from_id),
            (source, "MIGRATING", to_id),
            (target, "NODE", to_id),
            (source, "NODE", to_id),
        ):
            with node.client().pipeline(transaction=False) as pipeline:
                for slot in range(first, last + 1):
                    pipeline.execute_command("CLUSTER", "SETSLOT", slot, *step)
                pipeline.execute()


def _order(node: RedisServer, *command: object) -> bytes | int:
    """A CLUSTER command; its reply as it came."""
    return node.client().execute_command("CLUSTER", *command)


def _state(node: RedisServer) -> str:
    return re.search(rb"cluster_state:(\w+)", _order(node, "INFO"))[1].decode()


def _member(line: str) -> Member:
    id_, _, flags, primary, _, _, _, link, *slots = line.split()
    served = 0
    for one in slots:
        # In brackets: on its way to or from another node.
        if not one.startswith("["):
            first, _, last = one.partition("-")
            served += int(last or first) - int(first) + 1
    return Member(
        id=id_,
        flags=frozenset(flags.split(",")),
        primary_id=primary,
        slots=served,
        linked=link == "connected",
    )
