# SPDX-License-Identifier: Apache-2.0
"""Faults of the path, made by nftables and on the link.

Packets are dropped in the prerouting hook of the namespace that they arrive in: the sender of a
packet that is dropped on its way out is told so, and proves nothing about silence.
"""

import itertools
import re
import time
from collections.abc import Sequence

from collector import wait_until
from network import LINK, Namespace

_SETUP = """
table inet lab {
  chain faults { type filter hook prerouting priority raw; }
}
"""


def prepare(namespace: Namespace) -> None:
    """Lets rules be added in a namespace."""
    namespace.run("nft", "-f", "-", stdin=_SETUP)


def add_rules(namespace: Namespace, *rules: str) -> None:
    """Adds rules for what arrives in a namespace; all of them are in force at once."""
    namespace.run("nft", "-f", "-", stdin=_script(rules))


def replace_rules(namespace: Namespace, *rules: str) -> None:
    """The same, in place of those that were there; there is no moment without either."""
    namespace.run("nft", "-f", "-", stdin="flush chain inet lab faults\n" + _script(rules))


def _script(rules: Sequence[str]) -> str:
    return "".join(f"add rule inet lab faults {rule}\n" for rule in rules)


class Faults:
    """What can go wrong between the client and the server."""

    def __init__(self, client: Namespace, server: Namespace):
        self._client = client
        self._server = server
        self._sets = itertools.count(1)
        for namespace in (client, server):
            prepare(namespace)

    def repair(self) -> None:
        """Takes every rule back. What was forgotten stays forgotten: flows that died stay dead
        only if their sockets gave up."""
        for namespace in (self._client, self._server):
            replace_rules(namespace)

    def repair_except(self, port: int, flows: list[int]) -> None:
        """The same, but these flows from the client stay dropped: there is no moment in which they
        pass."""
        replace_rules(self._server, *self._requests(port, flows, "drop"))
        replace_rules(self._client)

    # -------------------------------------------------------------------------------------- flows

    def flows(self, port: int) -> list[int]:
        """The client's ports of the connections that are established to `port`."""
        table = self._server.run("ss", "-Htn", "state", "established", f"sport = :{port}")
        return [int(line.split()[3].rpartition(":")[2]) for line in table.splitlines()]

    def _known(self, namespace: Namespace, flows: list[int]) -> str:
        """A set of these flows. The rules take a flow out of it when it is begun anew: an
        application may get a port again that it had."""
        assert flows, "there is no flow to disturb"
        name = f"flows{next(self._sets)}"
        elements = ", ".join(map(str, flows))
        namespace.run("nft", "-f", "-", stdin=(
            f"add set inet lab {name} {{ type inet_service; flags dynamic; size 65536;"
            f" elements = {{ {elements} }}; }}\n"
        ))
        return f"@{name}"

    def _requests(self, port: int, flows: list[int], verdict: str) -> list[str]:
        """Rules for what the client sends over these flows."""
        known = self._known(self._server, flows)
        return [
            f"tcp dport {port} tcp flags & (syn|ack) == syn delete {known} {{ tcp sport }}",
            f"tcp dport {port} tcp sport {known} {verdict}",
        ]

    def cut_flows(self, *ports: int, only: list[int] | None = None) -> float:
        """Drops what the client sends over the connections that are established to these ports,
        or over those from the client's ports `only`; new ones pass. The time of the cut."""
        rules = [
            rule
            for port in ports
            for rule in self._requests(port, only or self.flows(port), "drop")
        ]
        add_rules(self._server, *rules)
        return time.time()

    def cut_replies_of_flows(self, port: int) -> float:
        """The same in the other direction only: requests arrive, replies do not."""
        known = self._known(self._client, self.flows(port))
        add_rules(
            self._client,
            f"tcp sport {port} tcp flags & (syn|ack) == (syn|ack) delete {known} {{ tcp dport }}",
            f"tcp sport {port} tcp dport {known} drop",
        )
        return time.time()

    def reset_flows(self, port: int, only: list[int] | None = None) -> float:
        """The next segment of each established flow is answered by an RST."""
        flows = only or self.flows(port)
        add_rules(self._server, *self._requests(port, flows, "reject with tcp reset"))
        return time.time()

    def drop_data_of_user(self, uid: int, port: int) -> None:
        """Connections of this user are made, and what is sent over them never arrives: as where
        large packets are lost on the way."""
        # Whose a packet is can be seen on its own host only, and where it is dropped there its
        # sender is told. So it gets a mark that survives the link.
        self._client.run("nft", "-f", "-", stdin=(
            "add chain inet lab marks { type filter hook output priority mangle; }\n"
            f"add rule inet lab marks meta skuid {uid} tcp dport {port} ip dscp set cs1\n"
        ))
        add_rules(self._server, f"ip dscp cs1 tcp dport {port} tcp flags & psh == psh drop")

    def forget_idle_flows(self, port: int, seconds: int) -> None:
        """A middlebox that silently forgets a flow after so much silence. It knows the flows that
        it has seen packets of from now on, so put it in before they begin."""
        flow = "ip saddr . tcp sport"
        self._server.run("nft", "-f", "-", stdin=(
            "add set inet lab known { type ipv4_addr . inet_service; flags dynamic, timeout;"
            f" timeout {seconds}s; }}\n"
        ))
        add_rules(
            self._server,
            f"tcp dport {port} tcp flags & (syn|ack) == syn update @known {{ {flow} }} accept",
            f"tcp dport {port} {flow} @known update @known {{ {flow} }} accept",
            f"tcp dport {port} drop",
        )

    def wait_forgotten(self, client_port: int) -> None:
        """Until the middlebox of forget_idle_flows() has forgotten this flow."""

        def known() -> bool:
            return f". {client_port} " in self._server.run("nft", "list", "set", "inet", "lab", "known")

        wait_until(lambda: not known(), f"end of the middlebox's patience with {client_port}")

    # --------------------------------------------------------------------------------------- path

    def drop_requests(self, address: str | None = None) -> float:
        """Everything that the client sends to the server (to one of its addresses) is dropped."""
        match = f"iifname {LINK}"
        if address:
            match += f" ip6 daddr {address}" if ":" in address else f" ip daddr {address}"
        add_rules(self._server, f"{match} drop")
        return time.time()

    def drop_replies(self, port: int) -> float:
        """Everything that the server sends from this port is dropped, for new connections too."""
        add_rules(self._client, f"tcp sport {port} drop")
        return time.time()

    def reject_by_icmp(self, port: int) -> float:
        """A router says that the host cannot be reached."""
        add_rules(self._server, f"tcp dport {port} reject with icmpx host-unreachable")
        return time.time()

    def drop_one_request(self, port: int) -> None:
        """The next segment with data for this port is lost; every other one passes."""
        add_rules(
            self._server,
            f"tcp dport {port} tcp flags & psh == psh "
            "limit rate 1/day burst 1 packets counter drop",
        )

    def lose(self, percent: float) -> None:
        """That share of the packets is lost at random, in each direction."""
        rule = f"iifname {LINK} numgen random mod 1000 < {int(percent * 10)} counter drop"
        for namespace in (self._client, self._server):
            add_rules(namespace, rule)

    def dropped(self) -> int:
        """How many packets drop_one_request() and lose() have dropped."""
        rules = [n.run("nft", "list", "table", "inet", "lab") for n in (self._client, self._server)]
        return sum(map(int, re.findall(r"counter packets (\d+)", "".join(rules))))

    # --------------------------------------------------------------------------------------- link

    def client_link(self, state: str) -> None:
        """The host's own link: "down" or "up"."""
        self._client.run("ip", "link", "set", LINK, state)

    def interrupt_link(self, end: str, seconds: float) -> None:
        """One end of the link, "client" or "server", is down for so long."""
        namespace = self._client if end == "client" else self._server
        # In one command: a busy machine would add the start of a second one.
        link = f"ip link set {LINK}"
        namespace.run("sh", "-ec", f"{link} down; sleep {seconds}; {link} up")

    def take_address(self, address: str) -> float:
        """The host with this address is gone: nobody answers for it on the link any more."""
        self._server.run("ip", "address", "del", f"{address}/24", "dev", LINK)
        return time.time()

    def return_address(self, address: str) -> None:
        self._server.run("ip", "address", "add", f"{address}/24", "dev", LINK)

    def server_link(self, state: str) -> None:
        """The other end: the host's own link loses its carrier, and keeps address and route."""
        self._server.run("ip", "link", "set", LINK, state)
