# SPDX-License-Identifier: Apache-2.0
"""Markdown tables on standard output, and progress on standard error."""

import datetime
import math
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Sequence

from watcher import program

COLUMNS = ("what", "measured", "target", "")


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def show(text: str) -> None:
    print(text, flush=True)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> str:
    lines = [f"### {title}", "", *([note, ""] if note else []), _row(columns)]
    lines += ["|" + "---|" * len(columns), *map(_row, rows), ""]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def verdict(met: bool) -> str:
    return "met" if met else "**missed**"


def percentile(values: Sequence[float], share: float) -> float:
    """By nearest rank: one of the values, the smallest that so many are not above."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def machine() -> str:
    """What was measured where."""
    info = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*: (.+)$", info, re.M)
    kernel = os.uname()
    now = datetime.datetime.now(datetime.timezone.utc)
    rows = [
        ("CPU", f"{model.group(1) if model else kernel.machine}, {os.cpu_count()} cores"),
        ("kernel", f"{kernel.sysname} {kernel.release}"),
        ("system", _system()),
        ("date", f"{now:%Y-%m-%d %H:%M} UTC"),
        ("versions", ", ".join([
            _told(program("relinkd"), "--version"),
            "redis-server " + _version("redis-server", "--version"),
            "HAProxy " + _version("haproxy", "-v"),
        ])),
        ("load average at the start",
         f"{os.getloadavg()[0]:.2f} (others' work blurs every figure)"),
    ]
    return table("Machine", ("", ""), rows)


def _told(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _version(*command: str) -> str:
    found = re.search(r"(?:v=|version )(\S+)", _told(*command))
    assert found, command
    return found.group(1)


def _system() -> str:
    release = pathlib.Path("/etc/os-release").read_text(encoding="utf-8")
    name = re.search(r'^PRETTY_NAME="?([^"\n]+)', release, re.M)
    return name.group(1) if name else "Linux"
