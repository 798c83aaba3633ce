# SPDX-License-Identifier: Apache-2.0
"""One endpoint alone, with every setting left at its default: how small relinkd is."""

import argparse
import contextlib
import time

import report
import usage
from lab import Lab, endpoint

SETTLING = 30
WINDOW = 20


def measure(options: argparse.Namespace) -> None:
    del options
    report.progress(f"one: {SETTLING + WINDOW} s with one endpoint")
    with contextlib.closing(Lab()) as lab:
        server = lab.redis()
        watcher = lab.watch(endpoint("sessions", server.url()), sample=False)
        watcher.wait_event("ok", "sessions")
        time.sleep(SETTLING)
        memory = watcher.memory_kib("VmRSS") / 1024
        window = usage.observe(watcher.pid, WINDOW)
    wakeups = window.waits / window.seconds
    report.show(report.table("One endpoint, defaults", report.COLUMNS, [
        (f"RSS after {SETTLING} s", f"{memory:.1f} MiB", "below 16 MB",
         report.verdict(memory * 1.048576 < 16)),
        (f"wake-ups over {WINDOW} s", f"{wakeups:.1f} a second", "fewer than 10",
         report.verdict(wakeups < 10)),
        ("CPU", f"{window.cpu_percent:.2f} % of a core", "", ""),
    ]))
