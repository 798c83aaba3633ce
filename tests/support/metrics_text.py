# SPDX-License-Identifier: Apache-2.0
"""Reads Prometheus' text format, as far as relinkd writes it."""

import re

_SERIES = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')

Labels = frozenset


class Scrape:
    """One scrape: every series with its value."""

    def __init__(self, text: str):
        self.text = text
        self._series: dict[str, dict[Labels, float]] = {}
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            match = _SERIES.match(line)
            assert match, f"not Prometheus' text format: {line!r}"
            name, labels, value = match.groups()
            key = Labels(_LABEL.findall(labels or ""))
            family = self._series.setdefault(name, {})
            assert key not in family, f"the same series twice: {line!r}"
            family[key] = float(value)

    def names(self) -> set[str]:
        return set(self._series)

    def series(self, name: str) -> dict[Labels, float]:
        return self._series.get(name, {})

    def value(self, name: str, **labels: str) -> float:
        """The value of exactly one series."""
        found = self.matching(name, **labels)
        assert len(found) == 1, f"{name}{labels}: {len(found)} series"
        return next(iter(found.values()))

    def matching(self, name: str, **labels: str) -> dict[Labels, float]:
        wanted = set(labels.items())
        return {key: v for key, v in self.series(name).items() if wanted <= key}

    def total(self, name: str, **labels: str) -> float:
        return sum(self.matching(name, **labels).values())

    def condition(self, endpoint: str) -> str:
        """The one condition that holds; an AssertionError if there are none or several."""
        held = [
            dict(key)["condition"]
            for key, value in self.matching("relinkd_endpoint_condition", endpoint=endpoint).items()
            if value == 1
        ]
        assert len(held) == 1, f"{endpoint} is {held} in one scrape"
        return held[0]

    def endpoints(self) -> list[str]:
        return [dict(key)["endpoint"] for key in self.series("relinkd_endpoint_up")]

    def check(self) -> None:
        """What holds in any scrape at any time."""
        for endpoint in self.endpoints():
            self.condition(endpoint)
            states = self.matching("relinkd_endpoint_condition", endpoint=endpoint).values()
            assert set(states) <= {0, 1}, f"{endpoint}: {states}"
