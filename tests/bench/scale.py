# SPDX-License-Identifier: Apache-2.0
"""Many endpoints: CPU beside HAProxy, memory, scrapes, and 10,000 connections.

All endpoints are one redis-server, at as many addresses: the server's namespace takes every address
of FARM for its own, and a route leads there. One PING a second for each.
"""

import argparse
import collections
import contextlib
import ipaddress
import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import report
import usage
from lab import Lab, endpoint
from metrics_text import Scrape
from network import SERVERS
from redis_server import RedisServer
from rivals import Haproxy
from watcher import Collector, Event, Relinkd, wait_until

FARM = ipaddress.ip_network("198.18.64.0/18")
PORT = 6379
MANY = 1_000
VERY_MANY = 10_000
BACKLOG = 16_384
SCRAPES = 10
SETTLING = 5.0
STARTING = 120.0  # more than 10,000 connections take on a busy machine
INTERVAL = 1.0
# Those that an endpoint goes through while it is well and all is in time.
IN_TIME = ("ok", "unknown")
IDLE_OFF = {"idle_watch": "off"}


def measure(options: argparse.Namespace) -> None:
    with contextlib.closing(Lab()) as lab:
        # The tap would take part in every packet.
        lab.tap.close()
        lab.server.run("ip", "route", "add", "local", str(FARM), "dev", "lo")
        lab.client.run("ip", "route", "add", str(FARM), "via", str(SERVERS[0].ip))
        # The server must not be what is measured: it takes all, and all at once.
        lab.server.set_sysctl("net.core.somaxconn", BACKLOG)
        lab.server.set_sysctl("net.ipv4.tcp_max_syn_backlog", BACKLOG)
        server = lab.redis("0.0.0.0", PORT, maxclients=VERY_MANY + 1_000, tcp_backlog=BACKLOG)

        def pings() -> int:
            return probes(server)

        many = addresses(MANY)
        with watching(lab, server, many, IDLE_OFF) as watcher:
            ours = observed("relinkd, 1,000 endpoints", watcher.pid, options.seconds, pings)
            scraped = _scraped(server, watcher)
        with contextlib.closing(
            Haproxy(lab.client, lab.make_folder("haproxy"), [f"{a}:{PORT}" for a in many])
        ) as haproxy:
            settled = pings() + 3 * MANY
            wait_until(lambda: pings() >= settled, "checks by HAProxy", STARTING)
            theirs = observed("HAProxy, 1,000 checks", haproxy.pid, options.seconds, pings)
            assert haproxy.running, "HAProxy has ended"
        with watching(lab, server, many, {}) as watcher:
            idle = observed("relinkd, idle watch on", watcher.pid, options.seconds, pings)
            idle_memory = watcher.memory_kib("VmRSS") / 1024
        _show_many(ours, theirs, idle, idle_memory, scraped)

        with watching(lab, server, addresses(VERY_MANY), IDLE_OFF) as watcher:
            with contextlib.closing(Follower(watcher)) as follower:
                most = observed("relinkd, 10,000 endpoints", watcher.pid, options.seconds, pings)
                late = follower.late()
            memory = watcher.memory_kib("VmRSS") / 1024
        _show_very_many(most, late, memory)


# ------------------------------------------------------------------------------------- measuring


def addresses(count: int) -> list[str]:
    return [str(FARM[n]) for n in range(1, count + 1)]


class Follower:
    """The events that relinkd tells from now on.

    Relinkd's own follower wants to see the event of the start, which the history that a stream
    begins with no longer holds after thousands of others.
    """

    def __init__(self, watcher: Relinkd):
        self._since = time.time()
        self._events = Collector()
        self._process = subprocess.Popen(
            watcher.relinkctl_command("events", "--follow", "--json"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._events.add(Event(json.loads(line)))

    def late(self) -> collections.Counter:
        """How often which condition was entered of those that a late or lost answer brings."""
        assert self._process.poll() is None, "relinkctl events has ended"
        return collections.Counter(
            e.event for e in self._events.all()
            if e.when >= self._since and e.condition == e.event and e.event not in IN_TIME
        )

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()


@contextlib.contextmanager
def watching(
    lab: Lab, server: RedisServer, hosts: list[str], watch: dict
) -> Iterator[Relinkd]:
    """relinkd on these hosts, once each was probed a few times and all has settled."""
    report.progress(f"scale: starting relinkd on {len(hosts)} endpoints")
    ends = [endpoint(f"endpoint-{n:05}", f"redis://{h}:{PORT}") for n, h in enumerate(hosts, 1)]
    first = probes(server)
    watcher = lab.watch(*ends, watch=watch, sample=False, wait_ready=False)

    # Asked of the server: thousands of answers by relinkd would be work of its own.
    def all_probed() -> bool:
        connected = server.client().info("clients")["connected_clients"]
        return connected >= len(hosts) and probes(server) - first >= 3 * len(hosts)

    wait_until(all_probed, f"watch of {len(hosts)} endpoints", STARTING)
    time.sleep(SETTLING)
    yield watcher
    assert watcher.stop() == 0, watcher.log()


def probes(server: RedisServer) -> int:
    """The PINGs that the server has answered."""
    return server.client().info("commandstats").get("cmdstat_ping", {}).get("calls", 0)


def observed(what: str, pid: int, seconds: int, count) -> usage.Window:
    window = usage.observe(pid, seconds, count)
    report.progress(f"scale: {what}: {window.cpu_percent:.1f} % of a core, {window.rate:.0f}/s")
    return window


class Scraped:
    """What some scrapes cost, and what they did to the probes."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.size = 0
        self.late_before = 0.0
        self.late_meanwhile = 0.0
        self.pongs_over_100_ms = 0
        self.slow = 0
        self.memory = 0.0
        self.most_memory = 0.0


def _scraped(server: RedisServer, watcher: Relinkd) -> Scraped:
    made = Scraped()
    first = watcher.get()[2]
    recorder = Recorder(server)
    time.sleep(SCRAPES * INTERVAL)
    made.late_before = recorder.latest()
    recorder = Recorder(server)
    for _ in range(SCRAPES):
        # Not a whole number of intervals: each scrape falls on other probes.
        time.sleep(INTERVAL * 1.07)
        start = time.monotonic()
        body = watcher.get()[2]
        made.seconds.append(time.monotonic() - start)
    # What the last one did to the probes is in a later one.
    time.sleep(2 * INTERVAL)
    made.late_meanwhile = recorder.latest()
    made.memory = watcher.memory_kib("VmRSS") / 1024
    made.most_memory = watcher.memory_kib("VmHWM") / 1024
    before, after = Scrape(first), Scrape(watcher.get()[2])
    made.size = len(body.encode())
    made.pongs_over_100_ms = int(_over_100_ms(after) - _over_100_ms(before))
    slow = [s.total("relinkd_conditions_total", condition="slow") for s in (before, after)]
    made.slow = int(slow[1] - slow[0])
    report.progress(f"scale: a scrape: {max(made.seconds) * 1e3:.0f} ms at most")
    return made


def _over_100_ms(scrape: Scrape) -> float:
    name = "relinkd_ping_rtt_seconds_bucket"
    return scrape.total(name, le="+Inf") - scrape.total(name, le="0.1")


class Recorder:
    """What the server executes from now on, by its own clock (MONITOR)."""

    _LINE = re.compile(rb"^\+(?P<time>[\d.]+) \[\d+ (?P<client>\S+)\] ", re.M)

    def __init__(self, server: RedisServer):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(server.unix_socket))
        self._socket.sendall(b"MONITOR\r\n")
        self._told = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while chunk := self._socket.recv(1 << 20):
            self._told += chunk

    def latest(self) -> float:
        """Ends the record. How late the latest probe was, in seconds: its distance from the one
        before it on its connection, beyond the interval."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._socket.close()
        latest = 0.0
        last: dict[bytes, float] = {}
        # Connections to two addresses may share a port; they only make the distance smaller.
        for line in self._LINE.finditer(bytes(self._told)):
            client, when = line["client"], float(line["time"])
            if client in last:
                latest = max(latest, when - last[client] - INTERVAL)
            last[client] = when
        assert len(last) > MANY / 2, f"only {len(last)} connections were seen"
        return latest


# --------------------------------------------------------------------------------------- showing


def _show_many(ours, theirs, idle, idle_memory, scraped) -> None:
    def cpu(window: usage.Window, what: str) -> str:
        return (f"{window.cpu_percent:.1f} % of a core; {window.rate:,.0f} {what} a second, "
                f"{window.microseconds:.0f} µs each")

    # Of equal windows; per piece of work, so that neither gains by doing less than it should.
    share = ours.microseconds / theirs.microseconds
    longest, limit = max(scraped.seconds), 0.1
    mib = 1.048576  # MB in a MiB
    report.show(report.table(
        f"{MANY:,} endpoints, one PING a second each", report.COLUMNS,
        [
            ("relinkd, idle watch off", cpu(ours, "PINGs"), "", ""),
            ("HAProxy, `option redis-check`, `inter 1s`", cpu(theirs, "checks"), "", ""),
            ("relinkd's CPU for each, of HAProxy's", f"{100 * share:.0f} %", "≤ 25 %",
             report.verdict(share <= 0.25)),
            ("relinkd with the default idle watch", cpu(idle, "PINGs"), "", ""),
            ("RSS after the scrapes, idle watch off",
             f"{scraped.memory:.1f} MiB, {scraped.most_memory:.1f} MiB at most", "≤ 64 MB",
             report.verdict(scraped.most_memory * mib <= 64)),
            ("RSS with the default idle watch, not scraped", f"{idle_memory:.1f} MiB", "≤ 64 MB",
             report.verdict(idle_memory * mib <= 64)),
            (f"a scrape of all ({SCRAPES} of them, {scraped.size / 1e6:.1f} MB each)",
             f"median {report.percentile(scraped.seconds, 0.5) * 1e3:.0f} ms, "
             f"max {longest * 1e3:.0f} ms", "≤ 100 ms", report.verdict(longest <= limit)),
            ("the latest probe meanwhile, seen at the server",
             f"{scraped.late_meanwhile * 1e3:.0f} ms late "
             f"(without scrapes {scraped.late_before * 1e3:.0f} ms)", "≤ 100 ms",
             report.verdict(scraped.late_meanwhile <= limit)),
            ("replies later than 100 ms; conditions `slow`",
             f"{scraped.pongs_over_100_ms}; {scraped.slow}", "none",
             report.verdict(scraped.pongs_over_100_ms == 0 and scraped.slow == 0)),
        ],
        f"CPU over {ours.seconds:.0f} s, one program after the other on the same server.",
    ))


def _show_very_many(most, late, memory) -> None:
    report.show(report.table(
        f"{VERY_MANY:,} watch connections, one PING a second each, idle watch off", report.COLUMNS,
        [
            (f"CPU over {most.seconds:.0f} s",
             f"{most.cpu_percent:.1f} % of a core; {most.rate:,.0f} PINGs a second, "
             f"{most.microseconds:.0f} µs each", "below 25 %",
             report.verdict(most.cpu_percent < 25)),
            ("late: conditions other than `ok`",
             ", ".join(f"{count} `{condition}`" for condition, count in late.items()) or "none",
             "none", report.verdict(not late)),
            ("PINGs of those that were due",
             f"{100 * most.rate * INTERVAL / VERY_MANY:.1f} %", "", ""),
            ("RSS", f"{memory:.1f} MiB", "", ""),
        ],
    ))
