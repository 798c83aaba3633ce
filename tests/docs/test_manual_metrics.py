# SPDX-License-Identifier: Apache-2.0
"""relinkd-metrics(7) has each metric, label and value of a running relinkd, and no other."""

import re

import manual
import programs
import pytest

PAGE = "relinkd-metrics.7"
METRICS = {
    item.name: item for item in manual.items(manual.section(PAGE, "METRICS"))
}
LABELS = manual.items(manual.section(PAGE, "LABELS"))

# Nobody listens at either place: what is asked for is the names.
CONFIGURATION = """
[[endpoint]]
name = "sessions"
url  = "redis://127.0.0.1:1"
[[app]]
name      = "shop"
match     = { unit = "no-such-shop.service" }
endpoints = ["sessions"]
"""


@pytest.fixture(scope="module")
def scrape(tmp_path_factory):
    with programs.running(tmp_path_factory.mktemp("relinkd"), CONFIGURATION) as url:
        return programs.scrape(url)


def table_of_metrics() -> dict[str, str]:
    """Name and type of each metric in the table of render.cpp."""
    text = (manual.TOP / "daemon/metrics/render.cpp").read_text(encoding="utf-8")
    table = text[text.index("kMetrics") :]
    found = re.findall(r'\{"(\w+)",\s*(?:"[^"]*"\s*)+,\s*(Counter|Gauge|Summarised),', table)
    kinds = {"Counter": "counter", "Gauge": "gauge", "Summarised": "histogram"}
    return {name: kinds[kind] for name, kind in found}


def labels_of(item: manual.Item) -> set[str]:
    """Of "Brq endpoint , node"."""
    return set(item.rest.removeprefix("Brq").replace(",", " ").split())


def test_the_page_has_every_metric_with_its_type_and_no_other():
    documented = {
        name: item.facts["Type"] for name, item in METRICS.items() if "Type" in item.facts
    }
    assert documented == table_of_metrics()


def test_types_are_those_of_a_scrape(scrape):
    seen = dict(re.findall(r"^# TYPE (\S+) (\S+)$", scrape, re.M))
    assert len(seen) > 30
    for name, kind in seen.items():
        assert METRICS[name].facts["Type"] == kind, name


def series(scrape: str) -> list[tuple[str, dict[str, str]]]:
    """Each line's metric and labels; the parts of a histogram belong to it."""
    found = []
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", scrape, re.M):
        name = name if name in METRICS else re.sub(r"_(bucket|sum|count)$", "", name)
        values = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        values.pop("le", None)
        found.append((name, values))
    return found


def test_labels_are_those_of_a_scrape(scrape):
    for name, labels in series(scrape):
        assert set(labels) == labels_of(METRICS[name]), name


def test_each_label_is_explained_and_no_other():
    used = {label for item in METRICS.values() for label in labels_of(item)}
    assert {item.name for item in LABELS} == used


def test_closed_labels_have_the_values_of_a_scrape(scrape):
    all_series = series(scrape)
    closed = [item for item in LABELS if "Values" in item.facts]
    assert len(closed) >= 8
    for item in closed:
        # One label may mean different things: "Pq Li relinkd_relinks_total" says of which it speaks.
        metric = item.rest.rpartition(" ")[2]
        seen = {
            labels[item.name]
            for name, labels in all_series
            if item.name in labels and metric in ("", name)
        }
        assert set(re.split(r",\s*", item.facts["Values"])) == seen, item.name


def test_the_conditions_are_those_of_the_manual(scrape):
    seen = {labels["condition"] for _, labels in series(scrape) if "condition" in labels}
    assert {item.name for item in manual.items(manual.section("relinkd.8", "CONDITIONS"))} == seen
