# SPDX-License-Identifier: Apache-2.0
"""From the cut to the verdict: relinkd, Sentinel and HAProxy on one server at the same time."""

import argparse
import contextlib
import dataclasses
import random
import statistics
import time
from collections.abc import Callable

import report
from lab import Lab, endpoint
from rivals import Haproxy, Sentinel
from watcher import Relinkd, wait_until

NAME = "server"
TRIALS = 30
# Between the recovery of all three and the next cut, which then comes at any moment of a second.
SETTLING = 3.0
TARGET_MEDIAN = 1.0
TARGET_MAX = 1.6


class Watching:
    """relinkd, seen as its rivals are."""

    name = "relinkd"
    settings = "defaults"

    def __init__(self, watcher: Relinkd):
        self._watcher = watcher
        self.expected = ""

    def _conditions(self) -> list[tuple[float, str]]:
        return [(e.when, e.event) for e in self._watcher.events.all() if e.condition == e.event]

    def up(self) -> bool:
        assert self._watcher.running, f"relinkd has ended: {self._watcher.log()}"
        told = self._conditions()
        return bool(told) and told[-1][1] == "ok"

    def noticed(self, since: float) -> float | None:
        said = self._conditions()
        return next((w for w, what in said if w >= since and what == self.expected), None)

    def mistakes(self, since: float) -> list[str]:
        """What it said before the condition that was expected, beyond "slow"."""
        said = [what for when, what in self._conditions() if when >= since]
        before = said[: said.index(self.expected)] if self.expected in said else said
        return [what for what in before if what not in ("ok", "slow")]


@dataclasses.dataclass(frozen=True)
class Fault:
    title: str
    condition: str
    inflict: Callable[[Lab, int], float]  # returns when it was in force
    has_target: bool


FAULTS = [
    Fault("Forgotten flow: established flows are dropped, new ones pass", "half_open",
          lambda lab, port: lab.faults.cut_flows(port), True),
    Fault("Host gone: everything to the server is dropped", "unreachable",
          lambda lab, port: lab.faults.drop_requests(), False),
]


def measure(options: argparse.Namespace) -> None:
    options = argparse.Namespace(**{**vars(options), "trials": options.trials or TRIALS})
    with contextlib.closing(Lab()) as lab, contextlib.ExitStack() as cleanup:
        server = lab.redis()
        sentinel = Sentinel(lab.client, lab.make_folder("sentinel"), server)
        cleanup.callback(sentinel.close)
        haproxy = Haproxy(lab.client, lab.make_folder("haproxy"), [server.host_port])
        cleanup.callback(haproxy.close)
        watching = Watching(lab.watch(endpoint(NAME, server.url()), sample=False))
        for fault in FAULTS:
            _measure_fault(lab, fault, server.port, watching, [sentinel, haproxy], options)


def _measure_fault(lab, fault, port, watching, rivals, options) -> None:
    watching.expected = fault.condition
    peers = [watching, *rivals]
    times: dict[str, list[float]] = {peer.name: [] for peer in peers}
    mistakes: list[str] = []
    for number in range(1, options.trials + 1):
        wait_until(lambda: all(peer.up() for peer in peers), "recovery of all programs", 60)
        time.sleep(SETTLING + random.random())
        cut = fault.inflict(lab, port)
        end = time.monotonic() + options.patience
        while time.monotonic() < end and any(peer.noticed(cut) is None for peer in peers):
            time.sleep(0.02)
        for peer in peers:
            if noticed := peer.noticed(cut):
                times[peer.name].append(noticed - cut)
        mistakes += watching.mistakes(cut)
        report.progress(f"detect: {fault.condition} {number} of {options.trials}: " + ", ".join(
            f"{p.name} {n - cut:.2f} s" if (n := p.noticed(cut)) else f"{p.name} not noticed"
            for p in peers
        ))
        lab.faults.repair()
    rows = [_row(peer, fault, times[peer.name], options) for peer in peers]
    note = (
        f"{options.trials} cuts at random phase. relinkd's verdict is `{fault.condition}`; what it "
        f"said before that, beyond `slow`: {', '.join(sorted(set(mistakes))) or 'nothing'}."
    )
    columns = ("program", "noticed", "median", "p95", "max", "target", "")
    report.show(report.table(fault.title, columns, rows, note))


def _row(peer, fault, times, options) -> tuple[str, ...]:
    target = verdict = ""
    if peer.name == "relinkd" and fault.has_target:
        target = f"median ≤ {TARGET_MEDIAN:.1f} s, max ≤ {TARGET_MAX:.1f} s"
        verdict = report.verdict(
            len(times) == options.trials
            and statistics.median(times) <= TARGET_MEDIAN
            and max(times) <= TARGET_MAX
        )
    if times:
        count = f"{len(times)} of {options.trials}"
        figures = (statistics.median(times), report.percentile(times, 0.95), max(times))
        cells = [f"{figure:.2f} s" for figure in figures]
    else:
        count = f"not noticed within {options.patience} s"
        cells = ["–"] * 3
    return (f"{peer.name}, {peer.settings}", count, *cells, target, verdict)
