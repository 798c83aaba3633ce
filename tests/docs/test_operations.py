# SPDX-License-Identifier: Apache-2.0
"""docs/OPERATIONS.md: its commands, metrics, words and anchors are real ones."""

import re
import shlex

import manual
import programs
import pytest

TEXT = (manual.TOP / "docs/OPERATIONS.md").read_text(encoding="utf-8")
CODE = re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", re.sub(r"```.*?```", "", TEXT, flags=re.S)) + [
    line for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.M | re.S)
    for line in block.splitlines()
]
RULES = "".join(file.read_text(encoding="utf-8") for file in manual.TOP.glob("dashboards/rules/*.yml"))
METRICS = manual.items(manual.section("relinkd-metrics.7", "METRICS"))
LABELS = manual.items(manual.section("relinkd-metrics.7", "LABELS"))

# Alert rules link to these headings: they stay as they are.
ALERTS = [
    "app-on-the-old-primary", "app-connections-dead", "app-cannot-connect", "endpoint-down", "relink-failed-or-suppressed",
    "breaker-open", "failover-flapping", "give-up-time-too-long", "sysctl-drift",
    "unprotected-sockets", "certificate-expiring", "relinkd-gone", "reload-failed",
]


def anchors() -> list[str]:
    """Of each heading, as Markdown's renderers make them."""
    return [
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", TEXT, re.M)
    ]


def rows(title: str) -> set[str]:
    """The first column of the table below a heading."""
    part = TEXT[TEXT.index(f"\n## {title}\n") + 1 :]
    part = part[: part.find("\n## ")] if "\n## " in part else part
    return set(re.findall(r"^\| `(\w+)` \|", part, re.M))


def values(label: str, metric: str = "") -> set[str]:
    """What the manual, which is held to a scrape, has for a label."""
    [item] = [i for i in LABELS if i.name == label and metric in i.rest]
    return set(re.split(r",\s*", item.facts["Values"]))


def test_every_alert_has_a_section():
    assert [a for a in anchors() if a in ALERTS] == ALERTS


def test_links_lead_somewhere():
    links = re.findall(r"\]\(#([^)]*)\)", TEXT)
    assert links
    assert set(links) <= set(anchors())


@pytest.mark.parametrize("text", [TEXT, RULES], ids=["guide", "rules"])
def test_metrics_are_real_ones(text):
    named = set(re.findall(r"\brelinkd_\w+", text)) - {"relinkd_"}
    assert named
    assert named <= {item.name for item in METRICS}


def test_label_values_in_rules_are_real_ones():
    found = [
        (metric, label, wanted)
        for metric, selector in re.findall(r"(relinkd_\w+)\{(.*?)\}", RULES)
        for label, wanted in re.findall(r'(\w+)(?:=~|!~|!=|=)"([\w|]+)"', selector)
    ]
    assert len(found) > 4
    for metric, label, wanted in found:
        if label != "job":
            # Several metrics have a "result", each its own.
            of = metric if label == "result" else ""
            assert set(wanted.split("|")) <= values(label, of), (metric, label, wanted)


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("Conditions", values("condition")),
        ("Results of relinks", values("result", "relinkd_relinks_total")),
        ("Why nothing was done", values("reason")),
    ],
)
def test_tables_have_every_word(title, wanted):
    assert rows(title) == wanted


def test_commands_of_relinkctl_are_real_ones():
    known = programs.commands()
    for_all = programs.options_in(programs.help_of("relinkctl")) | {"--help"}
    seen = 0
    for line in CODE:
        if not line.startswith("relinkctl "):
            continue
        words = shlex.split(line, comments=True)[1:]
        command = tuple(words[:2]) if tuple(words[:2]) in known else tuple(words[:1])
        options = {word for word in words if word.startswith("-")}
        assert options <= known[command] | for_all, line
        seen += 1
    assert seen > 20


def test_message_ids_are_those_of_the_catalog():
    catalog = (manual.TOP / "daemon/journal/catalog.cpp").read_text(encoding="utf-8")
    named = re.findall(r"MESSAGE_ID=([0-9a-f]{32})", TEXT)
    assert named
    assert all(f'"{message_id}"' in catalog for message_id in named)
