# SPDX-License-Identifier: Apache-2.0
"""What relinkd tells of the ends of one app's connections."""

import json

from collector import wait_until
from watcher import Relinkd


class Closes:
    """The app and its endpoint."""

    def __init__(self, watcher: Relinkd, app: str, endpoint: str):
        self._watcher = watcher
        self._labels = {"app": app, "endpoint": endpoint}
        self._known_lost = 0.0
        wait_until(self._traced, "tracing of the apps' connections")

    def _traced(self) -> bool:
        return self._watcher.scrape().value("relinkd_trace_active") == 1

    def _lost(self) -> float:
        return self._watcher.scrape().value("relinkd_trace_events_lost_total")

    def _counts(self, metric: str, label: str) -> dict[str, int]:
        series = self._watcher.scrape().matching(metric, **self._labels)
        return {dict(key)[label]: int(value) for key, value in series.items() if value}

    def disconnects(self) -> dict[str, int]:
        """By cause, those above 0."""
        return self._counts("relinkd_app_disconnects_total", "cause")

    def connects(self) -> dict[str, int]:
        """By result, those above 0."""
        return self._counts("relinkd_app_connects_total", "result")

    def listed(self, *options: str) -> list[dict]:
        """As `relinkctl closes` has them."""
        done = self._watcher.relinkctl("closes", self._labels["app"], "--json", *options)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def _of_cause(self, cause: str) -> list[dict]:
        return [one for one in self.listed("--all") if one["cause"] == cause]

    def wait_unless_lost(self, cause: str) -> dict | None:
        """The first end of this cause. Nothing: an event was not told of, and relinkd counted it."""
        known = self._known_lost
        wait_until(
            lambda: self._of_cause(cause) or self._lost() > known,
            f"close of cause {cause}, nor a loss",
        )
        if ended := self._of_cause(cause):
            return ended[0]
        self._known_lost = self._lost()
        return None

    def wait(self, cause: str, count: int = 1) -> list[dict]:
        """Waits for so many ends of this cause, and returns them; there must be no more."""
        wait_until(
            lambda: len(self._of_cause(cause)) >= count,
            f"{count} closes of cause {cause} in {self.listed('--all')}",
        )
        ended = self._of_cause(cause)
        assert len(ended) == count, ended
        return ended
