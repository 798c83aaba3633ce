# SPDX-License-Identifier: Apache-2.0
"""From the moment that others know of a new primary to relinkd's own proof of it."""

import argparse
import contextlib
import dataclasses
import itertools
import random
import statistics
import time

import report
from fabric import Fabric
from group import ReplicationGroup
from lab import endpoint
from network import LINK

NAME = "server"
TRIALS = 10
HOST = "redis.test"
TARGET = 0.2
# Between the recovery of the group and the next loss, which then comes at any moment of a second.
SETTLING = 1.0


@dataclasses.dataclass
class Times:
    """Of one kind of failover, in seconds."""

    after: list[float] = dataclasses.field(default_factory=list)
    whole: list[float] = dataclasses.field(default_factory=list)

    def add(self, cause: float, known: float, proven: float) -> None:
        self.after.append(proven - known)
        self.whole.append(proven - cause)


def measure(options: argparse.Namespace) -> None:
    trials = options.trials or TRIALS
    losses, orders = (_measure_sentinels(trials, lost) for lost in (True, False))
    moves = _measure_names(trials)
    target = f"≤ {TARGET * 1000:.0f} ms after `+switch-master` in the median"
    report.show(report.table(
        "From what others know to the proof of the new primary",
        ("change", "known when", "median", "max", "from the change itself, median", "target", ""),
        [
            _row("primary killed", "a majority of the Sentinels has said `+switch-master`", losses,
                 target),
            _row("`SENTINEL FAILOVER`", "the same", orders, target),
            _row("name moved, TTL 1 s", "the record is changed", moves, ""),
        ],
        f"{trials} changes of each kind at random phase. Three Sentinels with "
        "`down-after-milliseconds 1000`; relinkd with defaults. The proof is the time of its "
        "`failover` event: the new primary has answered a PING and says that it is one. Below "
        "zero: relinkd had it before the last Sentinel of the majority said so.",
    ))


def _row(change: str, known: str, times: Times, target: str) -> tuple[str, ...]:
    median = statistics.median(times.after)
    return (
        change, known, _milliseconds(median), _milliseconds(max(times.after)),
        f"{statistics.median(times.whole):.2f} s", target,
        report.verdict(median <= TARGET) if target else "",
    )


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _measure_sentinels(trials: int, lost: bool) -> Times:
    times = Times()
    with contextlib.closing(Fabric()) as fabric:
        group = ReplicationGroup(fabric)
        watcher = fabric.watch(endpoint(NAME, group.url()), sample=False)
        watcher.wait_event("ok", NAME)
        for number in range(1, trials + 1):
            group.wait_settled()
            watcher.wait_primary(NAME, group.primary().host_port)
            time.sleep(SETTLING + random.random())
            old = group.primary()
            mark, news = watcher.mark(), group.mark()
            if lost:
                cause = old.kill()
            else:
                cause = time.time()
                group.sentinels[number % 3].failover(group.name)
            agreement = group.wait_switch(old, news)
            told = watcher.wait_event("failover", NAME, mark)
            assert agreement.primary.host_port in told.message, told
            times.add(cause, agreement.when, told.when)
            if lost:
                old.start()
            what = "killed" if lost else "ordered"
            report.progress(
                f"failover: {what} {number} of {trials}: {_milliseconds(times.after[-1])}"
            )
    return times


def _measure_names(trials: int) -> Times:
    """Each address is used once: one that comes back soon would be in rotation."""
    times = Times()
    with contextlib.closing(Fabric()) as fabric:
        hosts = [fabric.host(), fabric.host()]
        addresses = [f"198.18.1.{number}" for number in range(1, trials + 2)]
        fabric.client.run("ip", "route", "add", "198.18.1.0/24", "dev", LINK)
        for address, host in zip(addresses, itertools.cycle(hosts)):
            host.namespace.run("ip", "address", "add", f"{address}/32", "dev", LINK)
        for host in hosts:
            fabric.redis(host, bind="0.0.0.0")
        names = fabric.name_server(fabric.host())
        names.set_address(HOST, addresses[0], ttl=1)
        watcher = fabric.watch(endpoint(NAME, f"redis://{HOST}:6379"), sample=False)
        watcher.wait_event("ok", NAME)
        for number, address in enumerate(addresses[1:], 1):
            time.sleep(SETTLING + random.random())
            mark = watcher.mark()
            cause = time.time()
            names.set_address(HOST, address, ttl=1)
            told = watcher.wait_event("failover", NAME, mark)
            assert address in told.message, told
            times.add(cause, cause, told.when)
            report.progress(
                f"failover: name moved {number} of {trials}: {_milliseconds(times.after[-1])}"
            )
    return times
