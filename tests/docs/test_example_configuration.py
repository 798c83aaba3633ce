# SPDX-License-Identifier: Apache-2.0
"""docs/examples/relinkd.toml: what it shows as defaults are the program's."""

import re

import manual
import programs
import pytest
from configurations import configuration

EXAMPLE = (manual.TOP / "docs/examples/relinkd.toml").read_text(encoding="utf-8")
# The keys of an endpoint or app that somebody has to write.
REQUIRED = {"name", "url", "match", "endpoints"}
# Values that stand in prose, with explanations behind them.
PROSE = re.compile(r"^#   ([a-z_]+) = (.*?)(?:    .*)?$", re.M)
# Prose has a space behind the #.
SHOWN = re.compile(r'^#((?:"[^"]+"|[a-z_0-9]+) = .*|\[\[.*\]\])$')


def with_defaults(wanted=lambda key: True) -> str:
    """The file with its commented keys in force; those that are not wanted stay comments."""
    lines = []
    for line in EXAMPLE.splitlines():
        shown = SHOWN.match(line)
        take = shown and (shown.group(1).startswith("[[") or wanted(shown.group(1).split(" = ")[0]))
        lines.append(shown.group(1) if take else line)
    return "\n".join(lines) + "\n"


def values(tmp_path, text: str) -> dict[str, str]:
    return {v["key"]: v["value"] for v in programs.show(tmp_path / "relinkd.toml", text)}


def test_it_is_accepted_as_it_is(tmp_path):
    assert programs.check(tmp_path / "relinkd.toml", EXAMPLE) == []


def test_it_changes_nothing_as_it_is(tmp_path):
    assert values(tmp_path, EXAMPLE) == values(tmp_path, "")


def test_its_commented_defaults_are_the_programs_own(tmp_path):
    written = values(tmp_path, with_defaults())
    assert written == values(tmp_path, with_defaults(lambda key: key in REQUIRED))
    # What is there without being required, as the program has it.
    ours = {k: v for k, v in written.items() if not k.startswith(("endpoint.", "app."))}
    assert ours.items() <= values(tmp_path, "").items()


def test_every_default_is_in_it(tmp_path):
    left = [
        v["key"]
        for v in programs.show(tmp_path / "relinkd.toml", with_defaults())
        if v["place"] == "default"
    ]
    # It follows from the URL.
    assert left == ["endpoint.sessions.node_ports"]


def test_every_other_key_is_mentioned_in_it():
    keys = {
        item.name
        for title in ("ENDPOINT", "APP")
        for item in manual.items(manual.section("relinkd.toml.5", title))
    }
    for key in keys:
        assert re.search(rf"\b{key.split('.')[-1]} = ", EXAMPLE), key


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        (table, *line)
        for table, part in zip(("endpoint", "app"), EXAMPLE.split("# ----")[2:], strict=True)
        for line in PROSE.findall(part)
    ],
)
def test_what_it_mentions_is_accepted(tmp_path, table, key, value):
    assert programs.check(tmp_path / "relinkd.toml", configuration(table, key, value)) == []
