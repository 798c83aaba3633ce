# SPDX-License-Identifier: Apache-2.0
"""What it costs that the kernel tells of apps' connections, while the host opens and closes thousands
a second; and whether one of them is lost."""

import argparse
import contextlib
import pathlib
import re
import subprocess
import time

import report
import usage
from collector import wait_until
from lab import Lab, app, endpoint
from network import Namespace

NAME = "sessions"
APP = "checkout"
STATS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")
RATE = 10_000
APP_RATE = RATE // 100
TARGET_SHARE = 0.02
SETTLING = 3.0

# Connections to itself, so many a second; says how many there were when its input ends.
_HOST = """
import select, socket, struct, sys, time
rate, linger = int(sys.argv[1]), struct.pack("ii", 1, 0)
listener = socket.create_server(("127.0.0.1", 7000), backlog=1024)
made, begun = 0, time.monotonic()
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for _ in range(max(0, min(200, int((time.monotonic() - begun) * rate) - made))):
        one = socket.create_connection(("127.0.0.1", 7000))
        other = listener.accept()[0]
        # No TIME-WAIT: ports would run out.
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        one.close()
        other.close()
        made += 1
    time.sleep(0.001)
print(made / (time.monotonic() - begun), made, flush=True)
"""

# The same of an app to Redis.
_APP = """
import select, socket, sys, time
host, rate = sys.argv[1], int(sys.argv[2])
made, begun = 0, time.monotonic()
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for _ in range(max(0, int((time.monotonic() - begun) * rate) - made)):
        with socket.create_connection((host, 6379)) as one:
            one.sendall(b"PING\\r\\n")
            one.recv(100)
        made += 1
    time.sleep(0.001)
print(made / (time.monotonic() - begun), made, flush=True)
"""


def measure(options: argparse.Namespace) -> None:
    before = STATS.read_text()
    STATS.write_text("1")
    try:
        with contextlib.closing(Lab()) as lab:
            lab.tap.close()
            rows = _measure(lab, options.seconds)
    finally:
        STATS.write_text(before)
    report.show(report.table(
        "The kernel tells of apps' connections", report.COLUMNS, rows,
        f"{RATE:,} connections a second are to be opened and closed, {APP_RATE} of them an app's to "
        f"Redis, over {options.seconds} s. The programs' time is the kernel's own count "
        "(`kernel.bpf_stats_enabled`); relinkd's CPU is what it takes beyond the same without these "
        "connections.",
    ))


@contextlib.contextmanager
def _churn(namespace: Namespace, program: str, *arguments: object, cgroup: pathlib.Path | None = None):
    """Runs one of the programs above; the list gets its rate and its count when it ends."""
    enter = ["sh", "-ec", f'[ -z "{cgroup or ""}" ] || echo $$ >"{cgroup}/cgroup.procs"; exec "$@"', "sh"]
    process = subprocess.Popen(
        namespace.command(*enter, "/usr/bin/python3", "-c", program, *map(str, arguments)),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    told: list[float] = []
    try:
        assert process.stdout.readline() == "ready\n"
        yield told
        process.stdin.close()
        told += map(float, process.stdout.readline().split())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _programs(pid: int) -> tuple[float, int]:
    """Seconds that the programs of this process have run in the kernel, and how often."""
    seconds, runs = {}, {}
    for fd in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        found = dict(re.findall(r"^(\w+):\s+(\S+)$", fd.read_text("utf-8"), re.M))
        if "run_time_ns" in found:
            seconds[found["prog_id"]] = int(found["run_time_ns"]) / 1e9
            runs[found["prog_id"]] = int(found["run_cnt"])
    return sum(seconds.values()), sum(runs.values())


def _measure(lab: Lab, seconds: int) -> list[tuple[str, ...]]:
    server = lab.redis()
    cgroup = lab.cgroup(f"{APP}.service")
    watcher = lab.watch_until_ok(
        endpoint(NAME, server.url()), apps=[app(APP, NAME)], sample=False
    )

    def value(name: str, **labels: str) -> float:
        return watcher.scrape().value(name, **labels)

    wait_until(lambda: value("relinkd_trace_active") == 1, "the kernel to tell of connections")
    time.sleep(SETTLING)
    idle = usage.observe(watcher.pid, seconds)
    with _churn(lab.client, _HOST, RATE - APP_RATE) as host, \
            _churn(lab.client, _APP, server.address, APP_RATE, cgroup=cgroup) as own:
        time.sleep(SETTLING)
        spent, runs = _programs(watcher.actuator.pid)
        busy = usage.observe(watcher.pid, seconds)
        after, runs_after = _programs(watcher.actuator.pid)
    labels = {"app": APP, "endpoint": NAME}
    done = "relinkd_app_connects_total"
    wait_until(lambda: value(done, result="ok", **labels) >= own[1], "the last connections")
    told, lost = value(done, result="ok", **labels), value("relinkd_trace_events_lost_total")
    rate = host[0] + own[0]
    in_kernel = (after - spent) / busy.seconds
    in_relinkd = max(0.0, busy.cpu / busy.seconds - idle.cpu / idle.seconds)
    # A machine that does not reach the rate is charged for it all the same.
    share = in_kernel * max(1.0, RATE / rate) + in_relinkd
    report.progress(f"tracing: {rate:,.0f} connections/s: {100 * share:.2f} % of a core")
    return [
        ("connections a second, and of the app to Redis", f"{rate:,.0f}, {own[0]:.0f}", "", ""),
        ("a run of a program in the kernel",
         f"{1e9 * (after - spent) / (runs_after - runs):,.0f} ns, {(runs_after - runs) / busy.seconds:,.0f} a second",
         "", ""),
        ("CPU in the kernel, and of relinkd",
         f"{100 * in_kernel:.2f} %, {100 * in_relinkd:.2f} % of a core", "", ""),
        (f"together, at {RATE:,} a second", f"{100 * share:.2f} % of a core",
         f"< {100 * TARGET_SHARE:.0f} %", report.verdict(share < TARGET_SHARE)),
        ("connections of the app: opened, told of, events lost",
         f"{own[1]:,.0f}, {told:,.0f}, {lost:,.0f}", "none lost, or said",
         report.verdict(told == own[1] or lost > 0)),
    ]
