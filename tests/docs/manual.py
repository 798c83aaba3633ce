# SPDX-License-Identifier: Apache-2.0
"""The manual's pages as data: mdoc(7) with a few conventions of this project.

An item of a list (".It Ic NAME …") may begin with facts, one a sentence: "Type: …", "Range: …",
"Values: …", "Count: …", "Default: …", "Example: …". They end at the first macro.
"""

import dataclasses
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]
FOLDER = TOP / "man"
PAGES = sorted(FOLDER.glob("*.[1-8]"))

FACT = re.compile(r"^(Type|Range|Values|Count|Default|Example): (.*)$")


@dataclasses.dataclass
class Item:
    """One entry of a list, with all that is nested in it."""

    head: str  # the line ".It …"
    name: str
    rest: str  # what stands behind the name in that line
    facts: dict[str, str]
    lines: list[str]

    def options(self) -> set[str]:
        """The options ("--json", "-f") of its line and of the lists nested in it."""
        heads = [self.head, *(line for line in self.lines if line.startswith(".It "))]
        return {option for head in heads for option in options_of(head)}


def options_of(line: str) -> set[str]:
    """"Fl f , Fl -follow" and "Fl f | -follow" have two."""
    found = set()
    for words in re.findall(r"\bFl((?: -?[a-z][a-z-]*(?: \|)?)+)", line):
        found |= {f"-{word}" for word in words.split() if word != "|"}
    return found


def section(page: str, title: str) -> list[str]:
    """The lines below the heading."""
    lines = (FOLDER / page).read_text(encoding="utf-8").splitlines()
    start = lines.index(f".Sh {title}") + 1
    end = next((n for n in range(start, len(lines)) if lines[n].startswith(".Sh ")), len(lines))
    return lines[start:end]


def items(lines: list[str], macro: str = "Ic") -> list[Item]:
    """The entries of the outermost lists that begin with this macro."""
    found: list[Item] = []
    depth = 0
    for line in lines:
        if line.startswith(".El"):
            depth -= 1
        if depth == 1 and line.startswith(".It "):
            # A command of two words has two; the next macro begins with a capital.
            parts = re.match(rf"\.It {macro} ((?:[^A-Z\s]\S*\s*)+)(.*)$", line)
            name, rest = (unescaped(parts.group(1).strip()), parts.group(2)) if parts else ("", "")
            found.append(Item(line, name, rest, {}, []))
        elif depth > 0 and found:
            found[-1].lines.append(line)
        if line.startswith(".Bl "):
            depth += 1
    found = [item for item in found if item.name]
    for item in found:
        item.facts = facts(item.lines)
    return found


def facts(lines: list[str]) -> dict[str, str]:
    """What stands before the first macro, where a sentence may go over several lines."""
    found: dict[str, str] = {}
    key = None
    for line in lines:
        if line.startswith("."):
            break
        if fact := FACT.match(line):
            key = fact.group(1)
            found[key] = fact.group(2)
        elif line == "Required.":
            found["Required"] = ""
        elif key:
            found[key] += " " + line
    # An example is one to the last character; the others are sentences.
    return {
        k: unescaped(text if k == "Example" else text.removesuffix(".")) for k, text in found.items()
    }


def unescaped(text: str) -> str:
    return text.replace(r"\(dq", '"').replace(r"\%", "").replace(r"\&", "").replace(r"\e", "\\")


def literal(lines: list[str]) -> list[str]:
    """The blocks that are printed as they are."""
    blocks, block = [], None
    for line in lines:
        if line.startswith(".Bd -literal"):
            block = []
        elif line.startswith(".Ed"):
            blocks.append("".join(block))
            block = None
        elif block is not None:
            block.append(unescaped(line) + "\n")
    return blocks
