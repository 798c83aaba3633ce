# SPDX-License-Identifier: Apache-2.0
"""relinkd's configuration as text."""

import json
import pathlib
from collections.abc import Sequence


def to_toml(value: object) -> str:
    """A value as TOML; strings have the same form as in JSON."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{k}" = {to_toml(v)}' for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(to_toml, value)) + "]"
    if isinstance(value, pathlib.PurePath):
        value = str(value)
    return json.dumps(value)


def to_config(
    tables: dict[str, dict], endpoints: list[dict], apps: Sequence[dict] = (), mode: str = ""
) -> str:
    lines = [f'mode = "{mode}"'] if mode else []
    for name, table in tables.items():
        lines += [f"[{name}]", *(f'"{k}" = {to_toml(v)}' for k, v in table.items())]
    for kind, those in (("endpoint", endpoints), ("app", apps)):
        for one in those:
            lines += [f"[[{kind}]]", *(f'"{k}" = {to_toml(v)}' for k, v in one.items())]
    return "\n".join(lines) + "\n"
