# SPDX-License-Identifier: Apache-2.0
"""Cgroups for applications under test, as systemd makes one for each unit."""

import contextlib
import fcntl
import os
import pathlib
import tempfile

# isolated.py has mounted it.
_MOUNT = pathlib.Path("/run/lab/cgroup")
_PREFIX = "relinkd-test-"


class Cgroups:
    """Cgroups below one that is this test's own."""

    def __init__(self) -> None:
        self._remove_abandoned()
        # Not by process id: runs in pid namespaces of their own have the same ones.
        self._top = pathlib.Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_MOUNT))
        # As all cgroups: relinkd reads the tree without privileges.
        self._top.chmod(0o755)
        self._lock = os.open(self._top, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    @staticmethod
    def _remove_abandoned() -> None:
        """Those of runs that were killed: nobody holds their lock."""
        for top in _MOUNT.glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):
                lock = os.open(top, os.O_RDONLY)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    # One without cgroups below it may be about to be locked.
                    if top.stat().st_nlink > 2:
                        _remove(top)
                finally:
                    os.close(lock)

    def make(self, name: str) -> pathlib.Path:
        """The folder of this cgroup."""
        made = self._top / name
        made.mkdir(exist_ok=True)
        return made

    def path(self, name: str) -> str:
        """As the kernel names it."""
        return f"/{self._top.name}/{name}"

    def close(self) -> None:
        """All processes in them have ended."""
        _remove(self._top)
        os.close(self._lock)


def _remove(top: pathlib.Path) -> None:
    for folder, _, _ in os.walk(top, topdown=False):
        os.rmdir(folder)
