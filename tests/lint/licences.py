# SPDX-License-Identifier: Apache-2.0
"""Every source file names its licence in its first line, or in its second after a #! line."""

import sources

SUFFIXES = {".c", ".cc", ".cpp", ".h", ".hpp", ".py", ".sh", ".cmake", ".js", ".mjs", ".ts", ".tsx"}
NAMES = {"CMakeLists.txt", "dev", ".ci/run"}
TAG = "SPDX-License-Identifier: Apache-2.0"


def main() -> None:
    top = sources.root()
    findings = []
    looked_at = 0
    for file in sources.files(top):
        name = str(file.relative_to(top))
        if file.suffix not in SUFFIXES and file.name not in NAMES and name not in NAMES:
            continue
        looked_at += 1
        lines = file.read_text(encoding="utf-8").splitlines()[:2]
        if lines and lines[0].startswith("#!"):
            lines = lines[1:]
        if not lines or TAG not in lines[0]:
            findings.append(f"{name}:1: the first line lacks '{TAG}'")
    sources.finish(findings, looked_at)


main()
