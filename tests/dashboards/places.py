# SPDX-License-Identifier: Apache-2.0
"""Where things are, and running what needs npm's packages."""

import json
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
DASHBOARDS = TOP / "dashboards"
BOARDS = sorted(DASHBOARDS.glob("*.json"))
RULES = sorted((DASHBOARDS / "rules").glob("*.yml"))
# Where ./dev installs the packages. Node looks for them beside and above the program, so the programs
# are copied there.
WORK = TOP / "build" / "dashboards"


def board(name: str) -> dict:
    return json.loads((DASHBOARDS / f"relinkd-{name}.json").read_text(encoding="utf-8"))


def bring_programs() -> None:
    if not (WORK / "node_modules").is_dir():
        raise RuntimeError(f"{WORK}/node_modules is missing: run ./dev test dashboards")
    for program in HERE.glob("*.mjs"):
        shutil.copy(program, WORK)
    shutil.copytree(HERE / "render", WORK / "render", dirs_exist_ok=True)


def node(program: str, *arguments: object, prefix: list[str] = (), timeout: float = 300,
         **environment: str) -> subprocess.CompletedProcess:
    """One of the programs of this folder, to its end."""
    return subprocess.run(
        [*prefix, "node", program, *map(str, arguments)], cwd=WORK, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=timeout, check=False, env=environment or None,
    )


def promtool(*arguments: object, stdin: str | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["promtool", *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=300,
        check=False,
    )
