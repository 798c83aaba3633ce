# SPDX-License-Identifier: Apache-2.0
"""A minimal Debian of the host's own release, in a folder: what tests/system boots.

It is made once and kept in ${XDG_CACHE_HOME:-~/.cache}/relinkd/system, not in build/: its files
have owners of their own. There are two kinds. One has the packages that ./dev names for it and
those of the libraries that the programs under test need, at the host's versions. The other is for
the Debian package: what that depends on is not installed, and lies in a repository in /relinkd/debs.
When one of the packages changes, another root is made; one that was not used for a month goes with
the next that is made.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
KEPT_FOR = 30 * 86400
# Of a mirror: a slow one is waited for, one that hangs is not.
PATIENCE = 900
# Whose packages the root has; third parties that the host trusts are not asked.
ORIGINS = {"Debian", "Ubuntu"}


class NoRoot(Exception):
    """There is no root, and none can be made; says why."""


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    if done.returncode != 0:
        raise NoRoot(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _listed_packages(name: str) -> set[str]:
    """A list in ./dev, which has the only ones."""
    text = (CHECKOUT / "dev").read_text()
    return set(re.search(rf"^packages_{name}=\((.*?)\)", text, re.M | re.S).group(1).split())


def _dependencies(deb: pathlib.Path) -> set[str]:
    """What the package depends on; of alternatives the first."""
    depends = _output("dpkg-deb", "--field", str(deb), "Depends")
    return {re.split(r"[ (|]", one.strip())[0] for one in depends.split(",")}


def _libraries(programs: list[pathlib.Path]) -> set[str]:
    """The packages that bring the programs' libraries, as dpkg-shlibdeps finds them."""
    paths = set(re.findall(r"=> (/\S+)", _output("ldd", *map(str, programs))))
    packages = set()
    for path in paths:
        # dpkg knows a file by the name in its package, with or without /usr.
        plain = path.removeprefix("/usr")
        owner = subprocess.run(["dpkg-query", "--search", plain, "/usr" + plain],
                               capture_output=True, text=True, check=False).stdout
        if not owner:
            raise NoRoot(f"the programs need {path}, which no package of this host has brought")
        packages.add(owner.split(":")[0])
    return packages


def _versions(packages: set[str]) -> str:
    """Of those that the host has too; a root must not be older than what was linked."""
    query = ["dpkg-query", "-W", "-f=${Package} ${Architecture} ${Version}\n", *sorted(packages)]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout


def _suite() -> str:
    for line in pathlib.Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise NoRoot("/etc/os-release names no release (VERSION_CODENAME)")


def _sources(suite: str) -> str:
    """The lines of sources.list by which the host gets its own release."""
    form = "$(ORIGIN)|deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    wanted = re.compile(rf" {re.escape(suite)}([-/][a-z/-]+)? ")
    lines = set()
    for line in _output("apt-get", "indextargets", "--format", form,
                        "Created-By: Packages").splitlines():
        origin, _, source = line.partition("|")
        if origin in ORIGINS and wanted.search(source):
            lines.add(source)
    return "\n".join(sorted(lines))


def _offer(packages: set[str]) -> list[str]:
    """Hooks of mmdebstrap that leave these packages, and what they need, in a repository of the
    root."""
    if not packages:
        return []
    install = "apt-get install --yes --no-install-recommends --download-only"
    return [
        f'--customize-hook=chroot "$1" {install} {" ".join(sorted(packages))}',
        '--customize-hook=mkdir -p "$1/relinkd/debs" && mv "$1"/var/cache/apt/archives/*.deb '
        '"$1/relinkd/debs" && cd "$1/relinkd/debs" && dpkg-scanpackages . >Packages',
    ]


def _make(folder: pathlib.Path, packages: set[str], offered: set[str]) -> None:
    suite = _suite()
    sources = _sources(suite)
    if not sources:  # apt has no lists yet, or they are thrown away in this image
        _output("apt-get", "update", "-qq")
        sources = _sources(suite)
    if not sources:
        raise NoRoot(f"apt knows no packages of {suite} here")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="new-") as made:
        # How this host reaches its mirror. It may have a password in it: the folder is root's
        # alone, and neither this nor the sources stay in the root.
        options = pathlib.Path(made, "apt.conf")
        options.write_text("\n".join(
            line for line in _output("apt-config", "dump", "Acquire").splitlines()
            if re.match(r"Acquire::(https?|Retries|ForceIPv)", line)) + "\n")
        command = [
            "mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory",
            f"--include={','.join(sorted(packages))}", f"--aptopt={options}",
            '--aptopt=Acquire::Languages "none"', "--dpkgopt=force-unsafe-io", *_offer(offered),
            '--customize-hook=cd "$1/etc" && rm -rf apt/sources.list apt/sources.list.d/* '
            "apt/apt.conf.d/99mmdebstrap dpkg/dpkg.cfg.d/99mmdebstrap resolv.conf hostname",
            suite, f"{made}/root", "-",
        ]
        try:
            done = subprocess.run(
                command, input=sources + "\n", capture_output=True, text=True, check=False,
                timeout=PATIENCE, umask=0o022,
                env={**os.environ, "TMPDIR": made, "LC_ALL": "C.UTF-8"})
        except subprocess.TimeoutExpired:
            raise NoRoot(f"mmdebstrap took longer than {PATIENCE} s") from None
        if done.returncode != 0:
            told = re.sub(r"[a-z+]+://\S+", "(mirror)", done.stderr)
            raise NoRoot("mmdebstrap failed:\n" + "\n".join(told.splitlines()[-20:]))
        os.rename(f"{made}/root", folder)


@contextlib.contextmanager
def root_for_programs(programs: list[pathlib.Path]) -> Iterator[pathlib.Path]:
    """The root in which the programs can run; nobody removes it meanwhile."""
    with _root(_listed_packages("system") | _libraries(programs), set()) as root:
        yield root


@contextlib.contextmanager
def root_for_package(deb: pathlib.Path) -> Iterator[pathlib.Path]:
    """The root in which the package can be installed by apt; nobody removes it meanwhile."""
    offered = _listed_packages("offered") | _dependencies(deb)
    with _root(_listed_packages("clean_system"), offered) as root:
        yield root


@contextlib.contextmanager
def _root(packages: set[str], offered: set[str]) -> Iterator[pathlib.Path]:
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    cache = pathlib.Path(home) / "relinkd" / "system"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = "\n".join([_suite(), *sorted(packages), _versions(packages | offered)])
    if offered:
        key = "\n".join([key, "offered", *sorted(offered)])
    folder = cache / f"root-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if not folder.exists():
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():  # others may have been first
                started = time.monotonic()
                for old in cache.iterdir():
                    # What a maker that was killed has left, too.
                    unused = time.time() - old.stat().st_mtime > KEPT_FOR
                    if old.name.startswith("new-") or (old.name.startswith("root-") and unused):
                        shutil.rmtree(old)
                _make(folder, packages, offered)
                print(f"made {folder} in {time.monotonic() - started:.0f} s", flush=True)
            fcntl.flock(lock, fcntl.LOCK_SH)
        os.utime(folder)
        yield folder
