# SPDX-License-Identifier: Apache-2.0
"""The Debian package under test, in a booted system that has apt and no network (booted.py)."""

import os
import pathlib
import subprocess

REPOSITORY = pathlib.Path("/relinkd/debs")
DEB = next(pathlib.Path("/relinkd/package").glob("relinkd_*.deb"), pathlib.Path("/nonexistent"))
CONFIG = pathlib.Path("/etc/relinkd/relinkd.toml")
_SOURCE = pathlib.Path("/etc/apt/sources.list.d/offered.list")


def run(*command: object, check: bool = True) -> str:
    """What the command printed, of one that failed its complaints, too; it must succeed."""
    done = subprocess.run(list(map(str, command)), text=True, capture_output=True, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8",
                               "DEBIAN_FRONTEND": "noninteractive"})
    told = done.stdout if done.returncode == 0 else done.stdout + done.stderr
    assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{told}"
    return told


def apt(*arguments: object) -> str:
    """apt-get, which finds what the package depends on in REPOSITORY."""
    if not _SOURCE.exists():
        _SOURCE.write_text(f"deb [trusted=yes] file:{REPOSITORY} ./\n")
        run("apt-get", "update")
    return run("apt-get", "--yes", "--no-install-recommends", *arguments)


def installed(package: str) -> bool:
    status = run("dpkg-query", "-W", "-f=${db:Status-Status}", package, check=False)
    return status == "installed"


def newer_deb(folder: pathlib.Path) -> pathlib.Path:
    """The same package with a higher version."""
    content = folder / "content"
    run("dpkg-deb", "--raw-extract", DEB, content)
    control = content / "DEBIAN/control"
    lines = [line + "+newer" if line.startswith("Version:") else line
             for line in control.read_text().splitlines()]
    control.write_text("\n".join(lines) + "\n")
    deb = folder / "relinkd_newer.deb"
    run("dpkg-deb", "--build", content, deb)
    return deb
