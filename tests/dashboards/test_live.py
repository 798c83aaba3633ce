# SPDX-License-Identifier: Apache-2.0
"""The dashboards and rules on a real Prometheus, which scrapes real relinkds while real failures
happen: every query has an answer, and every state that a panel shows has occurred."""

import json
import os
import re
import shutil

import places
import pytest
from fabric import Fabric
from places import BOARDS, promtool
from prometheus import SCRAPE
from queries import Runner, Span, findings
from story import Story


@pytest.fixture(scope="module")
def story():
    places.bring_programs()
    fabric = Fabric()
    try:
        made = Story(fabric, pause=int(os.environ.get("RELINKD_STORY_PAUSE") or 2))
        made.play()
        yield made
        if keep := os.environ.get("RELINKD_STORY_KEEP"):
            made.prometheus.stop()
            shutil.copytree(made.prometheus.data, keep, dirs_exist_ok=True)
            print(json.dumps({"start": made.start, "end": made.end}))
    except BaseException:
        fabric.tell()
        raise
    finally:
        fabric.close()


@pytest.fixture(scope="module")
def span(story):
    return Span(story.start, story.end, SCRAPE)


def boards():
    return [json.loads(file.read_text(encoding="utf-8")) for file in BOARDS]


def test_promtool_has_nothing_to_say_of_the_metrics(story):
    for name in ("web-1", "web-2", "web-3"):
        done = promtool("check", "metrics", stdin=story.hosts[name].get()[2])
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), name


@pytest.mark.parametrize(("pattern", "by", "told"), [
    (r"# HELP relinkd_node_up .*\n", "", "relinkd_node_up no help text"),
    (r"relinkd_dns_changes_total\b", "relinkd_dns_changes", "counter metrics should have"),
    (r"relinkd_ping_rtt_seconds", "relinkd_ping_rtt_milliseconds", "use base unit"),
    (r"(relinkd_build_info\{.*\}) 1\n", r"\1 one\n", "expected float"),
], ids=["help", "counter", "unit", "value"])
def test_promtool_finds(story, pattern, by, told):
    text, count = re.subn(pattern, by, story.hosts["web-1"].get()[2])
    assert count
    done = promtool("check", "metrics", stdin=text)
    assert done.returncode != 0 and told in done.stdout + done.stderr, done.stdout + done.stderr


def test_every_query_has_an_answer(story, span):
    found = [line for board in boards() for line in findings(board, span, story.prometheus.ask)]
    assert found == [], "\n".join(found)


# What is written, what is written in its place, and what is found then.
FAULTS = {
    "a metric that there is not": ("sum(relinkd_app_sockets", "sum(relinkd_app_socket", "no data"),
    "a label value that there is not": ("black_holed", "blackholed", "no data"),
    "a label that only the legend has": ("{{state}}", "{{status}}", "no series has the label"),
    "what Prometheus refuses": ("sum by (state)", "sum by state)", "Refused"),
    "a variable that there is not": ("$app", "$application", "Unknown"),
    "a variable without values": (
        "label_values(relinkd_app_sockets", "label_values(relinkd_apps", "has no values"
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_queries_find(fault, story, span):
    good, bad, finding = fault
    text = json.dumps(places.board("app"))
    # The query of a variable is there twice.
    changed = text.replace(good, bad) if "label_values" in good else text.replace(good, bad, 1)
    assert changed != text
    found = findings(json.loads(changed), span, story.prometheus.ask)
    assert any(finding in line for line in found), found


# ---------------------------------------------------------------------------------------- pictures


def shoot(folder, story, *names, theme="dark"):
    """Draws what is in these files of places.WORK."""
    done = places.node(
        "render/shoot.mjs", "--theme", theme, folder, *names, prefix=story.command,
        PATH=os.environ["PATH"], HOME=str(folder), TMPDIR=str(folder),
    )
    print(done.stdout + done.stderr)
    return done


@pytest.fixture(scope="module")
def page():
    done = places.node("render/build.mjs")
    assert done.returncode == 0, done.stderr


def drawable(board, span, story, name, **choice):
    file = places.WORK / f"{name}.json"
    file.write_text(json.dumps(Runner(board, span, story.prometheus.ask).to_draw(**choice)))
    return file


# Of "endpoint" and "app" what shows something that the others do not.
DRAWN = {
    "fleet": [{}],
    "endpoint": [{"endpoint": name} for name in ("sessions", "cache", "payments", "catalog")],
    "app": [{"app": name} for name in ("checkout", "billing")],
}


def test_every_panel_is_drawn(story, span, page):
    files = [
        drawable(places.board(name), span, story, "-".join([name, *choice.values()]), **choice)
        for name, choices in DRAWN.items() for choice in choices
    ]
    done = shoot(places.WORK / "pictures", story, *files)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def changed(good, bad):
    return lambda board: json.loads(json.dumps(board).replace(good, bad, 1))


def in_first_table(**bad):
    def plant(board):
        next(one for one in board["panels"] if one["type"] == "table").update(bad)
        return board

    return plant


# A change of the App dashboard, and what is found then.
DRAWN_FAULTS = {
    "query": (changed("sum(relinkd_app_sockets", "sum relinkd_app_sockets"), "Refused"),
    "nothing": (changed("(endpoint) (relinkd_app_unprotected", "(endpoint) (relinkd_unprotected"), "No data"),
    "kind": (changed('"type": "bargauge"', '"type": "gauge"'), "nothing draws panels of kind gauge"),
    "word": (changed('"title": "Held back, by reason"', '"title": "undefined"'), "says undefined"),
    "transformation": (in_first_table(transformations=[{"id": "organise", "options": {}}]), "organise"),
}


def test_the_drawing_finds_faults(story, span, page):
    files = [
        drawable(plant(places.board("app")), span, story, f"fault-{name}", app="checkout")
        for name, (plant, _) in DRAWN_FAULTS.items()
    ]
    done = shoot(places.WORK / "faults", story, *files)
    assert done.returncode == 1, done.stderr
    for name, (_, finding) in DRAWN_FAULTS.items():
        lines = [line for line in done.stdout.splitlines() if line.startswith(f"fault-{name}:")]
        assert lines and any(finding in line for line in lines), name


# ------------------------------------------------------------------------------------------- rules


def test_every_rule_is_healthy(story):
    assert len(story.prometheus.rules()) == 17
    assert story.prometheus.failing_rules() == []


def test_alerts_fire_for_what_needs_somebody_and_not_for_a_clean_failover(story):
    def fired(query: str, at: float, since: float) -> set[str]:
        seconds = round(at - since)
        expression = f'max_over_time(ALERTS{{alertstate="firing", {query}}}[{seconds}s])'
        found = story.prometheus.ask("query", query=expression, time=at)["result"]
        return {one["metric"]["alertname"] for one in found}

    # web-1 acts. What it could not heal comes after the failover.
    assert fired('instance="web-1"', story.failed_over, story.start) == set()
    assert "RelinkdBreakerOpen" in fired('severity="critical"', story.end, story.start)
    assert fired('app="search"', story.end, story.start) >= {"RelinkdRelinkFailed"}
