# SPDX-License-Identifier: Apache-2.0
"""What a process takes, as the kernel counts it."""

import dataclasses
import os
import pathlib
import re
import time
from collections.abc import Callable

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Window:
    """A process over some time."""

    seconds: float
    cpu: float  # seconds of CPU
    waits: int  # voluntary context switches: each is ended by a wake-up
    work: int  # growth of what the caller counts

    @property
    def cpu_percent(self) -> float:
        """Of one core."""
        return 100 * self.cpu / self.seconds

    @property
    def rate(self) -> float:
        return self.work / self.seconds

    @property
    def microseconds(self) -> float:
        """CPU for each piece of work."""
        return 1e6 * self.cpu / self.work if self.work else 0


def _cpu_seconds(pid: int) -> float:
    # The name, in parentheses, may hold spaces; utime and stime are fields 14 and 15.
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _waits(pid: int) -> int:
    """Of all threads."""
    total = 0
    for status in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
        found = re.search(r"^voluntary_ctxt_switches:\s+(\d+)$", status.read_text("utf-8"), re.M)
        assert found
        total += int(found.group(1))
    return total


def observe(pid: int, seconds: float, count: Callable[[], int] = lambda: 0) -> Window:
    """Looks at a process twice; `count` says how much work was done so far."""
    work, waits, cpu, start = count(), _waits(pid), _cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    cpu, waits = _cpu_seconds(pid) - cpu, _waits(pid) - waits
    passed = time.monotonic() - start
    return Window(passed, cpu, waits, count() - work)
