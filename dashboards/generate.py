#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the dashboards beside this file from what is in source/: dashboards/generate.py [FOLDER]"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "source"))
sys.dont_write_bytecode = True

import app  # noqa: E402
import endpoint  # noqa: E402
import fleet  # noqa: E402


def files() -> dict[str, str]:
    """Name and text of each."""
    return {
        f"{made['uid']}.json": json.dumps(made, indent=2, ensure_ascii=False) + "\n"
        for made in (module.DASHBOARD for module in (fleet, endpoint, app))
    }


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8")
