# SPDX-License-Identifier: Apache-2.0
"""Who may include what in daemon/.

The build enforces the direction between layers (cmake/Layer.cmake). It cannot see that a library's
header, which lies in the compiler's own path, stays in the layer that owns the library, nor that
layers which only decide never ask for the time or the machine.
"""

import re

import sources

# Library headers, and the folders or files of daemon/ that own them.
OWNERS = {
    r"hiredis/": {"resp"},
    r"bpf/(bpf|libbpf)\.h": {"bpf"},
    r"toml\+\+/": {"config"},
    r"prometheus/": {"metrics"},
    r"microhttpd\.h": {"metrics"},
    r"gnutls/": {"metrics"},
    r"crypt\.h": {"metrics"},
    r"ares": {"net"},
    r"openssl/": {"net"},
    r"nlohmann/": {"control", "orders", "relinkctl", "state"},
    r"CLI/": {"actuator", "relinkctl", "relinkd.cpp"},
    r"systemd/": {"actuator", "journal", "loop", "manager", "relinkctl", "relinkd.cpp"},
}
# Costs seconds of compile time: one translation unit of the layer.
HEAVY = {r"toml\+\+/"}
# Plain data that the owning layer's files hand to each other.
DATA_MODEL = {"prometheus/metric_family.h"}

# Layers that decide and parse: no machine, no clock.
PURE = {"core", "config", "resp"}
MACHINE = re.compile(
    r"sys/|unistd\.h|fcntl\.h|poll\.h|signal\.h|csignal|time\.h|ctime|thread|pthread\.h|netdb\.h"
    r"|netinet/|arpa/|linux/|random$"
)
CLOCK = re.compile(
    r"\b(steady_clock|system_clock|high_resolution_clock|clock_gettime|gettimeofday)\b|::now\s*\("
)
# Clock types live in base/, clocks do not.
CLOCKLESS = PURE | {"base"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def check(name: str, code: str, heavy: dict[str, list[str]]) -> list[str]:
    """The findings in one file; `name` is its path below daemon/."""
    layer = name.split("/")[0]
    findings = []

    def find(position: int, text: str) -> None:
        findings.append(f"daemon/{name}:{code.count(chr(10), 0, position) + 1}: {text}")

    for include in INCLUDE.finditer(code):
        header = include.group(2)
        if header.startswith(("../", "./")) or "/../" in header:
            find(include.start(2), f'"{header}": write the folder, as in "core/condition.hpp"')
        for pattern, owners in OWNERS.items():
            if not re.match(pattern, header):
                continue
            if layer not in owners:
                find(include.start(2), f"<{header}> belongs to {', '.join(sorted(owners))}")
            elif not name.endswith(".cpp") and header not in DATA_MODEL:
                find(include.start(2), f"<{header}> in a header reaches every user of the layer")
            if pattern in HEAVY:
                heavy.setdefault(pattern, []).append(name)
        if header.startswith("fmt/") and not name.endswith(".cpp"):
            find(include.start(2), f"<{header}> belongs in .cpp files")
        if layer in PURE and include.group(1) == "<" and MACHINE.match(header):
            find(include.start(2), f"<{header}>: {layer}/ must not touch the machine")
    if layer in CLOCKLESS:
        for clock in CLOCK.finditer(code):
            find(clock.start(), f"{clock.group(0)}: {layer}/ is handed the time")
    return findings


def main() -> None:
    daemon = sources.root() / "daemon"
    findings = []
    heavy: dict[str, list[str]] = {}
    looked_at = 0
    for file in sources.files(daemon):
        if file.suffix in {".cpp", ".hpp"}:
            looked_at += 1
            code = sources.without_comments(file.read_text(encoding="utf-8"))
            findings += check(str(file.relative_to(daemon)), code, heavy)
    for pattern, names in heavy.items():
        if len(set(names)) > 1:
            findings.append(f"<{pattern}> costs seconds in each of {', '.join(sorted(set(names)))}")
    sources.finish(findings, looked_at)


main()
