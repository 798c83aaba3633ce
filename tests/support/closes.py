# SPDX-License-Identifier: Apache-2.0
"""What relinkd tells of the ends of one app's connections."""

import json
from collections.abc import Iterator

from collector import wait_until
from watcher import Relinkd


class Closes:
    """The app and its endpoint."""

    def __init__(self, watcher: Relinkd, app: str, endpoint: str):
        self._watcher = watcher
        self._labels = {"app": app, "endpoint": endpoint}
        wait_until(self._traced, "tracing of the apps' connections")

    def _traced(self) -> bool:
        return self._watcher.scrape().value("relinkd_trace_active") == 1

    def _counts(self, metric: str, label: str) -> dict[str, int]:
        series = self._watcher.scrape().matching(metric, **self._labels)
        return {dict(key)[label]: int(value) for key, value in series.items() if value}

    def disconnects(self) -> dict[str, int]:
        """By cause, those above 0."""
        return self._counts("relinkd_app_disconnects_total", "cause")

    def connects(self) -> dict[str, int]:
        """By result, those above 0."""
        return self._counts("relinkd_app_connects_total", "result")

    def _listed(self, *options: str) -> Iterator[dict]:
        done = self._watcher.relinkctl("closes", self._labels["app"], "--json", *options)
        assert done.returncode == 0, done.stderr
        return map(json.loads, done.stdout.splitlines())

    def listed(self, *options: str) -> list[dict]:
        """As `relinkctl closes` has them."""
        return list(self._listed(*options))

    def wait(self, cause: str, count: int = 1) -> list[dict]:
        """Waits for so many ends of this cause, and returns them; there must be no more."""

        def found() -> list[dict]:
            return [one for one in self._listed("--all") if one["cause"] == cause]

        wait_until(
            lambda: len(found()) >= count,
            f"{count} closes of cause {cause} in {self.listed('--all')}",
        )
        ended = found()
        assert len(ended) == count, ended
        return ended
