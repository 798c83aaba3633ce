# SPDX-License-Identifier: Apache-2.0
"""How long an unmodified application is without Redis after its connection is silently dropped: left
to the kernel as it is, left to the kernel with tcp_retries2=5, and with relinkd."""

import argparse
import contextlib
import random
import statistics
import time

import report
from application import Client
from lab import Lab, app, endpoint
from relinks import Relinks

NAME = "sessions"
TRIALS = 20
PORT = 6379
KEY = "net.ipv4.tcp_retries2"
DEFAULT, SHORT = 15, 5
# The kernel's default takes 15 minutes: nobody waits for that here.
CAP = 60.0
# One request after the other, with hardly a pause.
PAUSE = 0.01
TARGET_MEDIAN, TARGET_MAX = 0.9, 2.2


def measure(options: argparse.Namespace) -> None:
    trials = options.trials or TRIALS
    rows = []
    with contextlib.closing(Lab()) as lab:
        server = lab.redis()
        for retries in (DEFAULT, SHORT):
            lab.client.set_sysctl(KEY, retries)
            times = _left_to_the_kernel(lab, server, trials)
            report.progress(f"outage: {KEY}={retries}: {len(times)} of {trials} within {CAP:.0f} s")
            what = f"the kernel alone, `{KEY}={retries}`"
            rows.append(_row(what + (" (default)" if retries == DEFAULT else ""), times, trials))
        lab.client.set_sysctl(KEY, DEFAULT)
        times = _with_relinkd(lab, server, trials)
        rows.append(_row("relinkd, defaults", times, trials, has_target=True))
    report.show(report.table(
        "An application's outage after its connection is silently dropped",
        ("", "back", "median", "p95", "max", "target", ""), rows,
        f"redis-py with its defaults, {trials} cuts each; from the cut to the end of the first call "
        f"that succeeds. The wait ends after {CAP:.0f} s: with the kernel's default it would be 15 "
        "minutes.",
    ))


def _row(what: str, times: list[float], trials: int, has_target: bool = False) -> tuple[str, ...]:
    target = verdict = ""
    if has_target:
        target = f"median ≤ {TARGET_MEDIAN:.1f} s, max ≤ {TARGET_MAX:.1f} s"
        verdict = report.verdict(
            len(times) == trials
            and statistics.median(times) <= TARGET_MEDIAN
            and max(times) <= TARGET_MAX
        )
    if not times:
        return what, f"none of {trials} within {CAP:.0f} s", *["–"] * 3, target, verdict
    figures = statistics.median(times), report.percentile(times, 0.95), max(times)
    cells = [f"{figure:.2f} s" for figure in figures]
    return what, f"{len(times)} of {trials}", *cells, target, verdict


def _outage(client: Client, cut: float) -> float | None:
    """From the cut to the end of the first call that began after it and succeeded."""
    ends = [one.at for one in client.successes() if one.began >= cut]
    return min(ends) - cut if ends else None


def _left_to_the_kernel(lab: Lab, server, trials: int) -> list[float]:
    """All connections at a time: the kernel keeps a clock for each."""
    application = lab.application()
    clients = application.pool(server, trials)
    for one in clients:
        one.repeat("PING", pause=0.2)
    lab.faults.cut_flows(PORT, only=application.ports())
    cut = time.monotonic()
    while time.monotonic() < cut + CAP and any(_outage(one, cut) is None for one in clients):
        time.sleep(0.2)
    times = [taken for one in clients if (taken := _outage(one, cut)) and taken <= CAP]
    application.close()
    lab.faults.repair()
    return times


def _with_relinkd(lab: Lab, server, trials: int) -> list[float]:
    """One after the other, each of an app of its own: connections of one app that die one after the
    other would be one relink, and look like a path that kills."""
    names = [f"app{number}" for number in range(1, trials + 1)]
    watcher = lab.watch(
        endpoint(NAME, server.url()), apps=[app(one, NAME) for one in names], sample=False
    )
    watcher.wait_event("ok", NAME)
    times = []
    for number, name in enumerate(names, 1):
        application = lab.application(f"{name}.service")
        client = application.to(server).repeat("PING", pause=PAUSE)
        Relinks(watcher, name, NAME).wait_seen(application)
        # At any moment of relinkd's second.
        time.sleep(1 + random.random())
        lab.faults.cut_flows(PORT, only=application.ports())
        cut = time.monotonic()
        while (taken := _outage(client, cut)) is None and time.monotonic() < cut + CAP:
            time.sleep(0.05)
        if taken is not None:
            times.append(taken)
        told = f"{taken:.2f} s" if taken is not None else f"more than {CAP:.0f} s"
        report.progress(f"outage: relinkd {number} of {trials}: {told}")
        application.close()
        lab.faults.repair()
    return times
