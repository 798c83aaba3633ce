# SPDX-License-Identifier: Apache-2.0
"""Boots a Debian with real systemd, journald and D-Bus, and runs pytest in it:
python3 booted.py PYTEST-ARGUMENT…

The root is a cached one (debian_root.py) below a layer in memory, so each boot is a new one. It has
loopback and no other network. The checkout's tests are in /relinkd/tests there, the programs under
test in /relinkd/programs, and the packages in /relinkd/package. Modules called test_package_… get a
root without what relinkd needs. The host need not run systemd. When this program ends, however it
ends, the kernel ends every process and removes every mount.

Exit status 77: not possible here, with the reason. With RELINKD_REQUIRE_ALL=1 that is a failure.
"""

import contextlib
import os
import pathlib
import secrets
import shlex
import shutil
import subprocess
import sys

from debian_root import NoRoot, root_for_package, root_for_programs
from requirement import cannot_run

NAMESPACES = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
              "--mount-proc"]
# For a module's tests; a boot takes about a second.
PATIENCE = 300
TIMED_OUT = 124
CGROUPS = pathlib.Path("/sys/fs/cgroup")
WORK = pathlib.Path("/run/booted")
PROGRAMS = ["relinkd", "relinkd-actuator", "relinkctl"]

# Its exit status becomes the container's. It runs when all else is started, as the system's tests
# of a host would.
SERVICE = """\
[Unit]
Description=The tests
After=multi-user.target
SuccessAction=exit
FailureAction=exit

[Service]
Type=exec
WorkingDirectory=/relinkd/tests/system
Environment=LANG=C.UTF-8 HOME=/root RELINKD_PROGRAMS=/relinkd/programs
Environment=PYTHONPATH=/relinkd/tests/support
ExecStart=/bin/sh /relinkd/start
StandardOutput=append:/relinkd/output
StandardError=append:/relinkd/output

[Install]
WantedBy=multi-user.target
"""


def run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True)


def why_not() -> str:
    """Why nothing can be booted here; empty if it can."""
    if os.geteuid() != 0:
        return "booting a container needs root"
    tools = {"mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container"}
    for tool, package in tools.items():
        if not shutil.which(tool):
            return f"{tool} is missing: install {package}"
    probe = """mount -t tmpfs none /run && mkdir /run/{cgroup,lower,upper,work,root} &&
        mount -t cgroup2 none /run/cgroup && mkdir /run/cgroup/$0 && rmdir /run/cgroup/$0 &&
        cd /run && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work none root"""
    done = subprocess.run([*NAMESPACES, "bash", "-c", probe, f"relinkd-probe.{os.getpid()}"],
                          capture_output=True, text=True, check=False)
    return f"a container cannot be booted: {done.stderr.strip()}" if done.returncode else ""


def mount_root(cached: str) -> pathlib.Path:
    """The cached root with a layer of our own above it, and in that the tests and the programs."""
    run("mount", "-t", "tmpfs", "-o", "mode=755", "none", "/run")
    for folder in ("upper", "work", "root"):
        (WORK / folder).mkdir(parents=True)
    root = WORK / "root"
    layers = f"lowerdir={cached},upperdir={WORK}/upper,workdir={WORK}/work"
    run("mount", "-t", "overlay", "-o", layers, "none", root)
    for name in ("tests", "programs", "package"):
        (root / "relinkd" / name).mkdir(parents=True)
    (root / "var/log/journal").mkdir(exist_ok=True)
    return root


def install_tests(root: pathlib.Path, arguments: list[str]) -> None:
    pytest = ["python3", "-B", "-m", "pytest", "-p", "no:cacheprovider", "--tb=short", "-ra"]
    (root / "relinkd/start").write_text(f"exec {shlex.join([*pytest, *arguments])}\n")
    (root / "relinkd/output").touch()
    (root / "etc/systemd/system/relinkd-tests.service").write_text(SERVICE)
    run("systemctl", "--quiet", f"--root={root}", "enable", "relinkd-tests.service")


@contextlib.contextmanager
def own_cgroup():
    """A cgroup v2 tree as on a host that has no other, and this process in a cgroup of its own.

    An empty one is what a run left that was killed. It may also be a run's that has just begun, so
    a run that finds its cgroup gone makes another one.
    """
    if CGROUPS.is_mount():
        run("umount", "--recursive", CGROUPS)
    run("mount", "-t", "cgroup2", "none", CGROUPS)

    def remove(top: pathlib.Path) -> None:
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)

    for left in CGROUPS.glob("relinkd-boot.*"):
        with contextlib.suppress(FileNotFoundError):
            if "populated 0" in (left / "cgroup.events").read_text():
                remove(left)
    for _ in range(10):
        own = CGROUPS / f"relinkd-boot.{secrets.token_hex(6)}"
        own.mkdir()
        with contextlib.suppress(OSError):
            (own / "cgroup.procs").write_text("0")
            break
    try:
        yield
    finally:
        (CGROUPS / "cgroup.procs").write_text("0")
        remove(own)


def boot(root: pathlib.Path) -> int:
    """Returns the tests' exit status, and tells their output as it comes."""
    tests = pathlib.Path(__file__).resolve().parents[1]
    command = [
        "systemd-nspawn", "--quiet", "--boot", f"--directory={root}", "--machine=relinkd-test",
        # Which a container does not have by default: for the programs in the kernel.
        "--capability=CAP_BPF,CAP_PERFMON", "--system-call-filter=bpf",
        # The host has no systemd that would have to know of it.
        "--register=no", "--keep-unit", "--private-network", "--link-journal=no",
        "--resolv-conf=off", "--timezone=off", "--console=pipe",
        f"--bind-ro={tests}:/relinkd/tests",
        f"--bind-ro={os.environ['RELINKD_PROGRAMS']}:/relinkd/programs",
        f"--bind-ro={os.environ['RELINKD_PACKAGE']}:/relinkd/package",
    ]
    with (WORK / "nspawn.log").open("w") as log:
        container = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    output = subprocess.Popen(["tail", "--quiet", "--lines=+1", "--follow", "--sleep-interval=0.2",
                               f"--pid={container.pid}", root / "relinkd/output"])
    try:
        status = container.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        print(f"the tests took longer than {PATIENCE} s", flush=True)
        container.kill()
        container.wait()
        status = TIMED_OUT
    output.wait()
    # Tests that fail say why themselves.
    if status == TIMED_OUT or not (root / "relinkd/output").stat().st_size:
        print((WORK / "nspawn.log").read_text())
        print("the end of the container's journal:", flush=True)
        run("journalctl", "--no-pager", "--quiet", "-n", 200, "-o", "short-precise",
            f"--directory={root}/var/log/journal")
    return status


def main() -> int:
    if sys.argv[1:2] == ["--inside"]:
        root = mount_root(sys.argv[2])
        install_tests(root, sys.argv[3:])
        with own_cgroup():
            return boot(root)

    here = pathlib.Path(__file__).resolve()
    programs = pathlib.Path(
        os.environ.setdefault("RELINKD_PROGRAMS", str(here.parents[2] / "build/release/bin")))
    if not all((programs / name).exists() for name in PROGRAMS):
        print(f"not all programs are in {programs}: build them by ./dev build")
        return 1
    if reason := why_not():
        return cannot_run(reason)
    packages = pathlib.Path(
        os.environ.setdefault("RELINKD_PACKAGE", str(here.parents[2] / "build/tested-package")))
    deb = next(packages.glob("relinkd_*.deb"), None)
    if not deb:
        print(f"{packages} has no Debian package: build it by ./dev test system")
        return 1
    if any("test_package_" in argument for argument in sys.argv[1:]):
        root_for = root_for_package(deb)
    else:
        root_for = root_for_programs([programs / name for name in PROGRAMS])
    try:
        with root_for as root:
            return subprocess.run(
                ["setpriv", "--pdeathsig", "KILL", "--", *NAMESPACES, sys.executable, "-B",
                 str(here), "--inside", str(root), *sys.argv[1:]], check=False).returncode
    except NoRoot as reason:
        return cannot_run(f"there is no Debian to boot: {reason}")


sys.exit(main())
