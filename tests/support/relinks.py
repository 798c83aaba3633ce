# SPDX-License-Identifier: Apache-2.0
"""What relinkd tells of one app: its sockets, and what was done for it."""

import json
import re

from application import Application
from collector import wait_until
from watcher import Event, Relinkd


class Relinks:
    """The app and its first endpoint, unless another is named."""

    def __init__(self, watcher: Relinkd, app: str, endpoint: str):
        self._watcher = watcher
        self.app = app
        self.endpoint = endpoint

    # ------------------------------------------------------------------------------------ its sockets

    def sockets(self) -> dict[str, int]:
        """How many are in each state, those above 0."""
        series = self._watcher.scrape().matching(
            "relinkd_app_sockets", app=self.app, endpoint=self.endpoint
        )
        return {dict(key)["state"]: int(value) for key, value in series.items() if value}

    def wait_seen(self, *applications: Application, port: int = 6379) -> None:
        """Waits until a census has seen every connection of these."""

        def seen() -> bool:
            return sum(self.sockets().values()) == sum(len(a.ports(port)) for a in applications)

        wait_until(seen, f"census of the connections of {self.app}")

    def view(self) -> dict:
        """The app in `relinkctl apps --json`."""
        done = self._watcher.relinkctl("apps", "--json")
        assert done.returncode == 0, done.stderr
        [found] = [one for one in json.loads(done.stdout)["apps"] if one["name"] == self.app]
        return found

    # ------------------------------------------------------------------------------ what was done

    def ended(self) -> int:
        """How many connections were ended, as the events say; the log holds back what comes in a
        burst."""
        acted = (e.message for e in self._watcher.events.all() if e.event == "relink_acted")
        return sum(int(m[1]) for m in (re.search(r"(\d+) of its connections", a) for a in acted) if m)

    def counts(self) -> dict[tuple[str, str], int]:
        """relinks_total by action and result, those above 0."""
        series = self._watcher.scrape().matching("relinkd_relinks_total", app=self.app)
        return {
            (dict(key)["action"], dict(key)["result"]): int(value)
            for key, value in series.items()
            if value
        }

    def suppressed(self) -> dict[str, int]:
        """relinks_suppressed_total by reason, those above 0."""
        series = self._watcher.scrape().matching("relinkd_relinks_suppressed_total", app=self.app)
        return {dict(key)["reason"]: int(value) for key, value in series.items() if value}

    def breaker_open(self) -> bool:
        return self._watcher.scrape().value("relinkd_relink_breaker_open", app=self.app) == 1

    def events(self, since: int = 0, *kinds: str) -> list[Event]:
        """Those of the app, of these kinds or of all."""
        return [
            one
            for one in self._watcher.events.all(since)
            if one.app == self.app and (not kinds or one.event in kinds)
        ]

    def wait(self, kind: str, since: int = 0, **fields: str) -> Event:
        return self._watcher.wait_event(kind, since=since, app=self.app, **fields)

    def wait_recovered(self, since: int = 0) -> list[Event]:
        """Waits for the end of a relink. Its events: what was decided, what was done, and how it
        ended, of one incident and in this order."""
        recovered = self.wait("relink_recovered", since)
        assert recovered.incident, recovered
        story = [
            one for one in self.events(since)
            if one.incident == recovered.incident and one.event.startswith("relink_")
        ]
        story = story[: story.index(recovered) + 1]
        kinds = [one.event for one in story]
        assert kinds[0] == "relink_decided", kinds
        assert "relink_acted" in kinds[1:-1], kinds
        assert all(one.endpoint == self.endpoint for one in story), story
        return story

    def assert_nothing_was_done(self) -> None:
        assert self.counts() == {}
        assert self.events(0, "relink_decided", "relink_acted", "relink_failed") == []
        if self._watcher.actuator:
            assert self._watcher.actuator.acted() == []
