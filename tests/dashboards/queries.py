# SPDX-License-Identifier: Apache-2.0
"""Does with a dashboard's variables and queries what Grafana does, and asks Prometheus.

Where it matters what Grafana puts in the place of a variable, this follows its source: $__interval is
the range by the number of points, rounded as Grafana rounds; $__rate_interval is the larger of 4
scrapes and one interval and a scrape; of several values a regular expression is made.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator

# Longest interval (milliseconds) that is rounded to the second number.
_ROUNDED = [
    (10, 1), (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500), (1500, 1000),
    (3500, 2000), (7500, 5000), (12500, 10000), (17500, 15000), (25000, 20000), (45000, 30000),
    (90000, 60000), (210000, 120000), (450000, 300000), (750000, 600000), (1050000, 900000),
    (1500000, 1200000), (2700000, 1800000), (5400000, 3600000), (9000000, 7200000),
]
POINTS = 800  # about a panel's width
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")


def interval(seconds: float, least: float) -> float:
    raw = seconds * 1000 / POINTS
    rounded = next((to for limit, to in _ROUNDED if raw < limit), 10800000)
    return max(rounded / 1000, least)


@dataclasses.dataclass
class Span:
    """A range of time, and how often Prometheus scrapes."""

    start: float
    end: float
    scrape: float

    @property
    def step(self) -> float:
        return interval(self.end - self.start, self.scrape)

    def builtins(self) -> dict[str, str]:
        rate = max(self.step + self.scrape, 4 * self.scrape)
        made = {"__interval": self.step, "__rate_interval": rate, "__range": self.end - self.start}
        return {name: f"{max(1, round(value))}s" for name, value in made.items()}


class Unknown(Exception):
    """A variable that there is not."""


def substitute(text: str, values: dict[str, str]) -> str:
    def value(match: re.Match) -> str:
        name = match[1] or match[2]
        if name not in values:
            raise Unknown(f"${name} in {text}")
        return values[name]

    return _VARIABLE.sub(value, text)


def _quoted(value: str) -> str:
    """Of one of several values: in a regular expression, within a string."""
    return re.sub(r"([\\^$.*+?()\[\]{}|])", r"\\\\\1", value)


def chosen(variable: dict, values: list[str]) -> str:
    if not variable["multi"]:
        return values[0].replace("\\", "\\\\").replace('"', '\\"')
    return "(" + "|".join(map(_quoted, values)) + ")" if len(values) > 1 else _quoted(values[0])


@dataclasses.dataclass
class Answer:
    """What one query brought."""

    board: str
    panel: str
    query: str
    expression: str
    legend: str
    choice: str
    series: list[dict]
    faults: list[str]


class Runner:
    def __init__(self, board: dict, span: Span, ask: Callable):
        self._board = board
        self._span = span
        self._ask = ask
        self.faults: list[str] = []

    # -------------------------------------------------------------------------------- variables

    def options(self, variable: dict, values: dict[str, str]) -> list[str]:
        match = re.fullmatch(r"label_values\((?:(.*), *)?(\w+)\)", variable["query"]["query"])
        assert match, variable["query"]
        parameters = {"start": self._span.start, "end": self._span.end}
        if match[1]:
            parameters["match[]"] = substitute(match[1], values)
        found = self._ask(f"label/{match[2]}/values", **parameters)
        if not found:
            self.faults.append(f"{self._board['uid']}: variable {variable['name']} has no values")
        return found

    def choices(self) -> Iterator[tuple[str, dict[str, str]]]:
        """First all of what can have all, with each value of what cannot; then one value of each."""
        queries = [v for v in self._board["templating"]["list"] if v["type"] == "query"]
        yield from self._choices(queries, self._span.builtins(), "all", single=False)
        yield from self._choices(queries, self._span.builtins(), "one", single=True)

    def _choices(self, queries, values, name, *, single):
        if not queries:
            yield name, values
            return
        first, *rest = queries
        options = self.options(first, values)
        if first["multi"]:
            picked = [chosen(first, options[:1]) if single else first["allValue"]] if options else []
        else:
            picked = [chosen(first, [option]) for option in options]
        for value in picked:
            label = f"{name}, {first['name']} {value}" if single or not first["multi"] else name
            yield from self._choices(rest, values | {first["name"]: value}, label, single=single)

    # ---------------------------------------------------------------------------------- queries

    def _run(self, target: dict, values: dict[str, str]) -> list[dict]:
        expression = substitute(target["expr"], values)
        if target["instant"]:
            return self._ask("query", query=expression, time=self._span.end)["result"]
        step = self._span.step
        return self._ask(
            "query_range", query=expression, step=step,
            start=self._span.start // step * step, end=self._span.end // step * step,
        )["result"]

    def answers(self) -> Iterator[Answer]:
        """Of all panels' queries, with all choices."""
        for choice, values in self.choices():
            for panel in self._board["panels"]:
                for target in panel.get("targets", []):
                    yield self._answer(panel["title"], target, choice, values)

    def annotations(self) -> Iterator[Answer]:
        for choice, values in self.choices():
            for one in self._board["annotations"]["list"]:
                yield self._annotation(one, choice, values)

    def _annotation(self, one: dict, choice: str, values: dict[str, str]) -> Answer:
        target = {"expr": one["expr"], "refId": "", "instant": False, "legendFormat": one["titleFormat"]}
        return self._answer(f"annotation {one['name']}", target, choice, values)

    # ------------------------------------------------------------------------------- for pictures

    def to_draw(self, **wanted: str) -> dict:
        """What render/page.jsx shows: all of what can have all, and these values of what cannot."""
        values = self._span.builtins()
        words = {}
        for one in self._board["templating"]["list"]:
            if one["type"] == "query":
                every = one["multi"]
                words[one["name"]] = "All" if every else wanted[one["name"]]
                values[one["name"]] = one["allValue"] if every else chosen(one, [wanted[one["name"]]])
        return {
            "board": self._board, "choices": words, "marks": list(self._marks(values)),
            "span": {"start": self._span.start, "end": self._span.end, "step": self._span.step},
            "answers": {
                panel["id"]: [self._drawable(panel, target, values) for target in panel["targets"]]
                for panel in self._board["panels"] if "targets" in panel
            },
        }

    def _drawable(self, panel: dict, target: dict, values: dict[str, str]) -> dict:
        answer = self._answer(panel["title"], target, "", values)
        return {
            "refId": target["refId"], "legend": target["legendFormat"], "format": target.get("format", ""),
            "series": answer.series, "faults": answer.faults,
        }

    def _marks(self, values: dict[str, str]) -> Iterator[dict]:
        """When something happened: at the value, or at the first of samples that follow each other."""
        for one in self._board["annotations"]["list"]:
            times = set()
            for series in self._annotation(one, "", values).series:
                last = 0.0
                for when, value in series["values"]:
                    if one["useValueForTime"]:
                        times.add(float(value) / 1000)
                    elif when - last > 1.5 * self._span.step:
                        times.add(when)
                    last = when
            yield from ({"time": when, "colour": one["iconColor"]} for when in sorted(times))

    def _answer(self, panel: str, target: dict, choice: str, values: dict[str, str]) -> Answer:
        faults = []
        series = []
        try:
            series = self._run(target, values)
        except Exception as error:  # whatever it is, it belongs to this query
            faults.append(f"{type(error).__name__}: {error}")
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            if series and not any(label in one["metric"] for one in series):
                faults.append(f"no series has the label {label} of its legend")
        return Answer(self._board["uid"], panel, target["refId"], target["expr"],
                      target["legendFormat"], choice, series, faults)


def findings(board: dict, span: Span, ask: Callable) -> list[str]:
    """What is wrong: queries that fail, and those that are empty with every choice of all hosts."""
    runner = Runner(board, span, ask)
    answers = [*runner.answers(), *runner.annotations()]
    found = list(runner.faults)
    filled: dict[tuple[str, str], bool] = {}
    for one in answers:
        place = f"{one.board}: {one.panel} {one.query} ({one.choice})"
        found += [f"{place}: {fault}" for fault in one.faults]
        if one.choice.startswith("all"):
            key = (one.panel, one.query)
            filled[key] = filled.get(key, False) or any(map(_has_number, one.series))
    found += [f"{board['uid']}: {panel} {query}: no data" for (panel, query), any_ in filled.items() if not any_]
    return found


def _has_number(series: dict) -> bool:
    values = series.get("values") or [series["value"]]
    return any(value != "NaN" for _, value in values)


# ------------------------------------------------------------------------------------------ words

_CHOSEN = re.compile(r'\b(?:condition|state)(=~|!~|!=|=)"([^"$]*)"')


def _lets_pass(expression: str, word: str) -> bool:
    """Whether the query may bring the word: its selectors do not leave it out, or it puts it in."""
    if f'"{word}"' in _CHOSEN.sub("", expression):
        return True
    return all(
        bool(re.fullmatch(pattern, word)) != operator.startswith("!")
        for operator, pattern in _CHOSEN.findall(expression)
    )


def coloured(panel: dict) -> set[str]:
    """The words that the panel has a colour for, of those that its queries may bring."""
    words: set[str] = set()
    for override in panel.get("fieldConfig", {}).get("overrides", []):
        properties = {one["id"]: one["value"] for one in override["properties"]}
        if "color" in properties:
            words.add(override["matcher"]["options"])
        for mapping in properties.get("mappings", []):
            words |= mapping["options"].keys()
    expressions = [target["expr"] for target in panel.get("targets", [])]
    return {word for word in words if any(_lets_pass(one, word) for one in expressions)}


def unshown(board: dict, span: Span, ask: Callable) -> list[str]:
    """The words that have a colour in a panel and that it does not show at any time of the span."""
    waited = {panel["title"]: coloured(panel) for panel in board["panels"]}
    panels = [
        panel | {"targets": [one | {"instant": False} for one in panel["targets"]]}
        for panel in board["panels"] if waited[panel["title"]]
    ]
    for answer in Runner(board | {"panels": panels}, span, ask).answers():
        waited[answer.panel] -= {word for one in answer.series for word in one["metric"].values()}
        waited[answer.panel] -= {_legend(answer.legend, one["metric"]) for one in answer.series}
    return [f"{board['uid']}: {panel} never showed {word}"
            for panel, words in waited.items() for word in sorted(words)]


def _legend(text: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), text)
