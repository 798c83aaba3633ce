# SPDX-License-Identifier: Apache-2.0
"""relinkd.toml(5) says of each key what the programs say."""

import re

import manual
import programs
import pytest
from configurations import ENDPOINTS, configuration

PAGE = "relinkd.toml.5"
TABLES = {
    "KEYS OUTSIDE OF TABLES": "",
    "METRICS": "metrics",
    "CONTROL": "control",
    "ACTUATOR": "actuator",
    "WATCH": "watch",
    "ENDPOINT": "endpoint",
    "APP": "app",
    "SYSCTL": "sysctl",
}
KEYS = {
    (table, item.name): item
    for title, table in TABLES.items()
    for item in manual.items(manual.section(PAGE, title))
}
# Where these are not given, they follow from the URL: the text says how.
COMPUTED = {("endpoint", "name"), ("endpoint", "node_ports")}

each_key = pytest.mark.parametrize(
    ("table", "key"), KEYS, ids=[".".join(key) for key in KEYS]
)


def complaints(tmp_path, table: str, key: str, value: str) -> list[str]:
    return programs.check(tmp_path / "relinkd.toml", configuration(table, key, value))


def functions_of_the_parser() -> dict[str, str]:
    """The text of each visit_…() in keys.cpp, by its name."""
    text = (manual.TOP / "daemon/config/keys.cpp").read_text(encoding="utf-8")
    return {
        name: body
        for name, body in re.findall(
            r"^void visit_(\w+)\(KeyVisitor& visitor.*?\{\n(.*?)^\}", text, re.M | re.S
        )
    }


def keys_of_the_parser(functions: dict[str, str], name: str) -> set[str]:
    """The keys that visit_NAME() visits, those of its tables as "table.key"."""
    keys, table = set(), ""
    for line in functions[name].splitlines():
        if opened := re.search(r'visitor\.table\("(\w+)"', line):
            table = f"{opened.group(1)}."
        for key in re.findall(r'\.key\("(\w+)"', line):
            keys.add(("" if line.lstrip().startswith("visitor.") else table) + key)
        for key in re.findall(r'\.sysctls\("(\w+)"', line):
            keys.add(f'{key}."net.ipv4.tcp_retries2"')
        if inner := re.search(r"visit_(\w+)\(keys,", line):
            keys |= {table + key for key in keys_of_the_parser(functions, inner.group(1))}
    return keys


def test_the_page_has_every_key_that_the_parser_knows_and_no_other():
    functions = functions_of_the_parser()
    known = {
        (table, key)
        for table in TABLES.values()
        for key in keys_of_the_parser(functions, table or "top")
    }
    assert len(known) > 50, "keys.cpp is no longer read"
    assert set(KEYS) == known


def test_defaults_are_the_programs_own(tmp_path):
    text = "".join(
        f'[[endpoint]]\nname = "{name}"\nurl = {url}\n' + ("tls = {}\n" if name == "sentinel" else "")
        for name, url in ENDPOINTS.items()
    )
    text += '[[app]]\nname = "shop"\nmatch.unit = "shop.service"\nendpoints = ["redis"]\n'
    compiled = {}
    for value in programs.show(tmp_path / "relinkd.toml", text):
        path = re.sub(r"^(endpoint|app)\.[^.]+\.", r"\1.", value["key"])
        table, _, key = path.partition(".")
        place = (table, key) if key else ("", table)
        if value["place"] == "default" and place in KEYS:
            compiled.setdefault(place, set()).add(value["value"])
    documented = {
        key: {item.facts["Default"]} for key, item in KEYS.items() if "Default" in item.facts
    }
    assert documented == {k: v for k, v in compiled.items() if k not in COMPUTED}


def wrong_value(kind: str) -> str:
    """Of that type, and as far out of its range as can be."""
    if kind.startswith("array"):
        return "[]"
    return {"duration": '"400d"', "integer": "999999999"}.get(kind, '"?!"')


@each_key
def test_ranges_are_the_programs_own(tmp_path, table, key):
    facts = KEYS[table, key].facts
    kind = facts["Type"]
    if kind in ("duration", "integer") and not key.startswith("want."):
        assert "Range" in facts
    stated = facts.get("Range") or facts.get("Values") or facts.get("Count")
    if not stated:
        assert "range" not in " ".join(complaints(tmp_path, table, key, wrong_value(kind)))
        return
    if "Count" in facts:
        stated = "out of range: " + " ".join(stated.split()[:3])
    said = complaints(tmp_path, table, key, wrong_value(kind))
    assert [line for line in said if stated in line], said


@each_key
def test_types_are_the_programs_own(tmp_path, table, key):
    """A float is never right, and the error says what would be."""
    said = " ".join(complaints(tmp_path, table, key, "0.5"))
    assert "found a float" in said
    kind = KEYS[table, key].facts["Type"]
    words = {"boolean": "true or false", "path": "an absolute path", "secret": "{ file = ",
             "string": '"', "table or string": "{ ages = ",
             "boolean or table": "true or false, or {"}
    if kind.startswith("array"):
        assert "an array of" in said
    elif not (kind == "string" and ("a name" in said or "an IP address" in said)):
        assert words.get(kind, kind) in said


@each_key
def test_every_key_has_an_example_that_is_accepted(tmp_path, table, key):
    facts = KEYS[table, key].facts
    value = facts.get("Example", facts.get("Default"))
    assert value is not None
    assert complaints(tmp_path, table, key, value) == []


def test_the_examples_are_accepted(tmp_path):
    examples = manual.literal(manual.section(PAGE, "EXAMPLES"))
    assert examples
    for example in examples:
        assert programs.check(tmp_path / "relinkd.toml", example) == []


def test_required_keys_are_required(tmp_path):
    file = tmp_path / "relinkd.toml"
    said = programs.check(file, "[[endpoint]]\n") + programs.check(file, "[[app]]\n")
    missing = {tuple(re.match(r"(\w+): (\w+) is missing", line).groups()) for line in said}
    # One of the keys of "match" is enough, so none of them is required by itself.
    assert missing - {("app", "match")} == {k for k, item in KEYS.items() if "Required" in item.facts}


def test_the_rights_at_the_server_are_those_that_are_tried():
    """tests/netns/test_least_acl.py tries those of README.md."""
    readme = (manual.TOP / "README.md").read_text(encoding="utf-8")
    rules = {" ".join(rule.split()) for rule in
             manual.literal(manual.section(PAGE, "LEAST RIGHTS AT THE SERVER"))}
    for tried in re.findall(r"^ACL SETUSER .*$", readme, re.M):
        assert tried in rules
