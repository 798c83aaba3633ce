# SPDX-License-Identifier: Apache-2.0
"""The version is the same wherever it has to be written: versions.py TREE"""

import pathlib
import re
import sys

PLACES = {
    "CMakeLists.txt": r"^project\(relinkd VERSION (\S+)",
    "packaging/debian/changelog": r"\Arelinkd \((\S+)\)",
    "packaging/rpm/relinkd.spec": r"^Version: +(\S+)",
    "NEWS.md": r"^## (\S+)",
}


def main() -> int:
    tree = pathlib.Path(sys.argv[1])
    found = {
        place: (match := re.search(pattern, (tree / place).read_text(), re.M)) and match[1]
        for place, pattern in PLACES.items()
    }
    if None not in found.values() and len(set(found.values())) == 1:
        return 0
    for place, version in found.items():
        print(f"{place}: {version or 'no version'}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
