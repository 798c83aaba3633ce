# SPDX-License-Identifier: Apache-2.0
"""What the rules have in common: the files of the tree, and how findings are reported."""

import pathlib
import re
import sys
from collections.abc import Iterator

SKIPPED_FOLDERS = {".git", "build", ".cache", "__pycache__", "node_modules"}


def root() -> pathlib.Path:
    """The checkout, as given on the command line."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} CHECKOUT")
    return pathlib.Path(sys.argv[1]).resolve()


def files(top: pathlib.Path) -> Iterator[pathlib.Path]:
    """Every file of the checkout, except what tools made."""
    for entry in sorted(top.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            if entry.name not in SKIPPED_FOLDERS:
                yield from files(entry)
        elif entry.is_file():
            yield entry


def without_comments(code: str) -> str:
    """C++ without comments, with its line numbers."""

    def blank(match: re.Match) -> str:
        text = match.group(0)
        return text if text[0] in "\"'" else re.sub(r"[^\n]", " ", text)

    literal = r"""'(?:\\.|[^'\\\n])'|"(?:\\.|[^"\\\n])*\""""
    return re.sub(literal + r"|//[^\n]*|/\*.*?\*/", blank, code, flags=re.S)


def finish(findings: list[str], looked_at: int) -> None:
    """Ends the program: 0 if there was something to look at and nothing to find."""
    if looked_at == 0:
        findings = ["no file was looked at: the rule does not fit the tree any more"]
    for finding in findings:
        print(finding)
    print(f"{looked_at} looked at, {len(findings)} findings")
    sys.exit(1 if findings else 0)
