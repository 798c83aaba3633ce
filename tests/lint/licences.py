# SPDX-License-Identifier: Apache-2.0
"""Every source file names its licence in its first line, or in its second after a #! line."""

import sources

SUFFIXES = {".c", ".cc", ".cpp", ".h", ".hpp", ".py", ".sh", ".cmake", ".js", ".mjs", ".ts", ".tsx"}
NAMES = {"CMakeLists.txt", "dev", ".ci/run"}
TAG = "SPDX-License-Identifier: Apache-2.0"
# The kernel lends its helpers to programs under the GPL alone, so what is compiled into them is under
# both.
IN_THE_KERNEL = TAG + " OR GPL-2.0-only"
KERNEL_FILES = {
    "daemon/bpf/kernel_types.h",
    "daemon/bpf/sockets.bpf.c",
    "daemon/trace/record.h",
}


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
        tag = IN_THE_KERNEL if name in KERNEL_FILES else TAG
        words = lines[0].strip("/*#<!-> ") if lines else ""
        if words != tag:
            findings.append(f"{name}:1: the first line is not '{tag}'")
    sources.finish(findings, looked_at)


main()
