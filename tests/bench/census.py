# SPDX-License-Identifier: Apache-2.0
"""What it costs to look at the applications' sockets among all sockets of a host, beside ss."""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import time

import report
import usage
from lab import Lab, app, endpoint
from network import Namespace
from relinks import Relinks

NAME = "sessions"
APP = "checkout"
PORT = 6379
SIZES = (1_000, 10_000, 100_000)
APP_SOCKETS = 100
# Both ends of a connection are sockets of the host; a process has 20,000 descriptors at most.
CONNECTIONS_A_PROCESS = 9_000
SETTLING = 5.0
RUNS = 5

# Connections to itself, over loopback; the line on standard output says that they are there.
_FARM = """
import socket, sys
count, address = int(sys.argv[1]), (sys.argv[2], 7000)
listener = socket.create_server(address, backlog=1024)
ends = []
for _ in range(count):
    ends.append(socket.create_connection(address))
    ends.append(listener.accept()[0])
print("ready", flush=True)
sys.stdin.read()
"""


def measure(options: argparse.Namespace) -> None:
    rows = []
    with contextlib.closing(Lab()) as lab:
        lab.tap.close()
        server = lab.redis()
        application = lab.application()
        application.pool(server, APP_SOCKETS)
        for size in SIZES:
            with farm(lab.client, size - APP_SOCKETS):
                rows += _measure(lab, server, application, size, options.seconds)
    report.show(report.table(
        "The census: a look at the sockets of apps, among all of the host",
        ("host sockets", "program", "CPU for a look", "time of a look", "looks",
         "CPU of a core"),
        rows,
        f"{APP_SOCKETS} of them are the app's, idle. relinkd's CPU is what it takes beyond the same "
        f"configuration without an app, over {options.seconds} s each; its looks are counted by "
        "the time that `relinkctl apps` gives for the last one. `ss` is run for each look, "
        f"{RUNS} times, here the median: with the filter that the kernel applies, and without.",
    ))


@contextlib.contextmanager
def farm(namespace: Namespace, sockets: int):
    """So many sockets, of other programs and to other ports."""
    left, processes = sockets // 2, []
    # Each has an address of its own: to one there cannot be more connections than ports.
    while left > 0:
        count = min(left, CONNECTIONS_A_PROCESS)
        processes.append(subprocess.Popen(
            namespace.command("/usr/bin/python3", "-c", _FARM, str(count),
                              f"127.0.1.{len(processes) + 1}"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ))
        left -= count
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n", "the sockets cannot be had"
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def _measure(lab, server, application, size, seconds) -> list[tuple[str, ...]]:
    def cpu(*apps: dict) -> tuple[float, float]:
        """Its share of a core, and its looks a second."""
        watcher = lab.watch(endpoint(NAME, server.url()), apps=apps, sample=False)
        try:
            watcher.wait_event("ok", NAME)
            if apps:
                Relinks(watcher, APP, NAME).wait_seen(application)
            time.sleep(SETTLING)
            window = usage.observe(watcher.pid, seconds)
            return window.cpu / window.seconds, _looks_a_second(watcher, seconds) if apps else 0.0
        finally:
            watcher.close()

    without, _ = cpu()
    with_apps, looks = cpu(app(APP, NAME))
    share = max(0.0, with_apps - without)
    report.progress(f"census: {size:,} sockets: {100 * share:.2f} % of a core, {looks:.2f} looks/s")
    rows = [(f"{size:,}", "relinkd", _ms(share / looks), "–", f"one in {1 / looks:.1f} s",
             f"{100 * share:.2f} %")]
    for what, filters in (("`ss -tni dport = :6379`", ["dport", "=", f":{PORT}"]), ("`ss -tni`", [])):
        spent, taken = _ss(lab.client, filters)
        rows.append((f"{size:,}", what, _ms(spent), _ms(taken), "", ""))
    return rows


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _looks_a_second(watcher, seconds: int) -> float:
    """Asked apart from the measurement of CPU: the answers cost some."""
    seen = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen.add(json.loads(watcher.relinkctl("apps", "--json").stdout)["census"])
        time.sleep(0.2)
    return len(seen) / seconds


def _ss(namespace: Namespace, filters: list[str]) -> tuple[float, float]:
    """CPU and time of one run."""
    command = namespace.command("ss", "-Htni", *filters)
    spent, taken = [], []
    for _ in range(RUNS):
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, command
        taken.append(time.monotonic() - began)
        spent.append(used.ru_utime + used.ru_stime)
    return statistics.median(spent), statistics.median(taken)
