# SPDX-License-Identifier: Apache-2.0
"""Every library that CMake looks for is brought by a package of the list in ./dev."""

import re

import sources

# What CMake asks for, and the Debian package that answers.
PACKAGES = {
    "PkgConfig": "pkgconf",
    "OpenSSL": "libssl-dev",
    "fmt": "libfmt-dev",
    "CLI11": "libcli11-dev",
    "nlohmann_json": "nlohmann-json3-dev",
    "prometheus-cpp": "prometheus-cpp-dev",
    "GTest": "libgtest-dev",
    "hiredis": "libhiredis-dev",
    "libsystemd": "libsystemd-dev",
    "libmicrohttpd": "libmicrohttpd-dev",
    "gnutls": "libgnutls28-dev",
    "libcrypt": "libcrypt-dev",
    "libcares": "libc-ares-dev",
    "libbpf": "libbpf-dev",
    "tomlplusplus": "libtomlplusplus-dev",
}
# What comes with CMake itself or with the C library.
BUILT_IN = {"Threads"}

FIND_PACKAGE = re.compile(r"find_package\s*\(\s*([\w+-]+)")
PKG_CHECK = re.compile(r"pkg_check_modules\s*\(\s*\w+((?:\s+[\w.+<>=-]+)+)\s*\)")
KEYWORDS = {"REQUIRED", "QUIET", "IMPORTED_TARGET", "GLOBAL"}


def wanted(text: str) -> set[str]:
    """What one CMake file asks for."""
    names = set(FIND_PACKAGE.findall(text))
    for modules in PKG_CHECK.findall(text):
        names |= {re.split("[<>=]", word)[0] for word in modules.split()} - KEYWORDS
    return names - BUILT_IN


def main() -> None:
    top = sources.root()
    arrays = re.findall(r"^packages_build=\((.*?)\)", (top / "dev").read_text("utf-8"), re.M | re.S)
    listed = set(" ".join(arrays).split())
    findings = []
    looked_at = 0
    for file in sources.files(top):
        if file.name != "CMakeLists.txt" and file.suffix != ".cmake":
            continue
        name = file.relative_to(top)
        for library in sorted(wanted(file.read_text(encoding="utf-8"))):
            looked_at += 1
            package = PACKAGES.get(library)
            if package is None:
                findings.append(f"{name}: tests/lint/packages.py does not know what brings {library}")
            elif package not in listed:
                findings.append(f"{name}: {library} needs {package}, which ./dev does not install")
    sources.finish(findings, looked_at)


main()
