# SPDX-License-Identifier: Apache-2.0
"""The programs, as the tests of the documentation ask them."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import urllib.request
from collections.abc import Iterator

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ.get("RELINKD_PROGRAMS") or TOP / "build/release/bin")


def run(program: str, *arguments: object) -> subprocess.CompletedProcess:
    """One of the programs, to its end."""
    return subprocess.run(
        [PROGRAMS / program, *map(str, arguments)],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False,
    )


def help_of(program: str, *command: str) -> str:
    done = run(program, *command, "--help")
    assert done.returncode == 0, done.stderr
    return done.stdout


def options_in(text: str) -> set[str]:
    """The options that a --help lists, but for those of every command."""
    found = set()
    for short, long in re.findall(r"^ +(-\w)?,?(--[a-z][a-z-]*)", text, re.M):
        found |= {short, long} - {"", "-h", "--help"}
    return found


def subcommands_in(text: str) -> list[str]:
    listed = re.search(r"^Subcommands:\n((?: +.*\n)+)", text, re.M)
    return re.findall(r"^  ([a-z]\S*)", listed.group(1), re.M) if listed else []


def commands(*parent: str) -> dict[tuple[str, ...], set[str]]:
    """Every command of relinkctl, ("sysctl", "check"), with its options."""
    text = help_of("relinkctl", *parent)
    below = subcommands_in(text)
    if not below:
        return {parent: options_in(text)}
    return {name: own for sub in below for name, own in commands(*parent, sub).items()}


def check(path: pathlib.Path, text: str) -> list[str]:
    """What `relinkctl config check` has to say of this configuration, without the places."""
    path.write_text(text, encoding="utf-8")
    done = run("relinkctl", "config", "check", path)
    if done.returncode == 0:
        return []
    lines = [line.split(": ", 1)[1] for line in done.stdout.splitlines()]
    assert lines, done.stderr
    return lines


def show(path: pathlib.Path, text: str) -> list[dict]:
    """What `relinkctl config show` has to say of it: key, value and place of each setting."""
    # Nobody listens there, so the values are those of the file.
    folder = path.parent / "nobody"
    path.write_text(text, encoding="utf-8")
    done = run("relinkctl", "--config", path, "--socket", folder, "config", "show", "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)["values"]


@contextlib.contextmanager
def running(folder: pathlib.Path, text: str) -> Iterator[str]:
    """relinkd with this configuration, to which a metrics port and sockets are added; yields the
    URL of its metrics."""
    config = folder / "relinkd.toml"
    config.write_text(
        f'{text}\n[metrics]\nlisten = "127.0.0.1:0"\n'
        f'[control]\nsocket = "{folder}/control.sock"\n'
        f'[actuator]\nsocket = "{folder}/actuator.sock"\n',
        encoding="utf-8",
    )
    daemon = subprocess.Popen(
        [PROGRAMS / "relinkd", "--config", config],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )
    try:
        url = None
        for line in daemon.stderr:
            if found := re.search(r"metrics: (http://\S+)", line):
                url = found.group(1)
                break
        assert url, "relinkd ended"
        yield url
    finally:
        daemon.terminate()
        daemon.communicate(timeout=60)


def scrape(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode()

