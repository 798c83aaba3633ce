# SPDX-License-Identifier: Apache-2.0
"""What programs under test tell, and waiting for it."""

import os
import pathlib
import re
import threading
import time
from collections.abc import Callable

# Far beyond what any step takes; only a failing test waits so long.
PATIENCE = 30.0
LOG_LINE = re.compile(
    r"^(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (?P<level>error|warning|notice|info|debug) "
    r"(?P<message>.+)$"
)


def program(name: str) -> str:
    return str(pathlib.Path(os.environ["RELINKD_PROGRAMS"]) / name)


class Collector:
    """Items that a thread gathers and tests wait for."""

    def __init__(self) -> None:
        self._items: list = []
        self._changed = threading.Condition()

    def add(self, item: object) -> None:
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()

    def all(self, since: int = 0) -> list:
        with self._changed:
            return self._items[since:]

    def wait(self, wanted: Callable, what: str, since: int = 0, patience: float = PATIENCE):
        """The first item from number `since` on that is wanted."""
        deadline = time.monotonic() + patience
        looked_at = since
        with self._changed:
            while True:
                for item in self._items[looked_at:]:
                    if wanted(item):
                        return item
                looked_at = len(self._items)
                left = deadline - time.monotonic()
                if left <= 0:
                    # The last ones: an application may have told thousands.
                    have = "\n  ".join(map(str, self._items[since:][-60:])) or "nothing"
                    raise AssertionError(f"no {what} within {patience} s; there is\n  {have}")
                self._changed.wait(left)


def wait_until(holds: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """For what cannot be awaited as an event: asks again and again."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, f"no {what} within {patience} s"
        time.sleep(0.05)
