# SPDX-License-Identifier: Apache-2.0
"""Units of systemd that tests write, and what systemd and its journal tell of them."""

import json
import pathlib
import subprocess

from watcher import wait_until

UNITS = pathlib.Path("/run/systemd/system")
SCRATCH = pathlib.Path("/run/relinkd-tests")


def systemctl(*arguments: object, check: bool = True) -> str:
    done = subprocess.run(["systemctl", "--no-pager", *map(str, arguments)], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert not check or done.returncode == 0, f"systemctl {arguments}: {done.stdout}"
    return done.stdout.strip()


def show(unit: str, what: str) -> str:
    """A property of the unit."""
    return systemctl("show", "--value", f"--property={what}", unit)


def main_pid(unit: str) -> int:
    return int(show(unit, "MainPID"))


def journal(*matches: str) -> list[dict]:
    """The entries that fit, such as "RELINKD_APP=checkout", oldest first."""
    done = subprocess.run(["journalctl", "--quiet", "--no-pager", "--output=json", *matches],
                          check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def wait_journal(*matches: str) -> dict:
    """The first entry that fits; journald writes a moment after it was told."""
    wait_until(lambda: journal(*matches), f"entry with {matches}")
    return journal(*matches)[0]


def tell_relinkd() -> str:
    """What they wrote last, for a test that fails to show."""
    done = subprocess.run(["journalctl", "--no-pager", "--output=short-precise", "--lines=40",
                           "--unit=relinkd.service", "--unit=relinkd-actuator.service"],
                          check=False, text=True, stdout=subprocess.PIPE)
    return done.stdout


class Units:
    """Units that are gone after the test."""

    def __init__(self) -> None:
        self._written: list[str] = []
        SCRATCH.mkdir(exist_ok=True)

    def write(self, name: str, **sections: dict[str, str | list[str]]) -> None:
        """write("a.service", Service={"ExecStart": "/bin/true"}); a list sets a key again and
        again."""
        lines = []
        for section, settings in sections.items():
            lines.append(f"[{section}]")
            for key, value in settings.items():
                values = value if isinstance(value, list) else [value]
                lines += [f"{key}={one}" for one in values]
        (UNITS / name).write_text("\n".join(lines) + "\n")
        if name in self._written:
            systemctl("daemon-reload")
        else:
            # systemd finds a new file by itself when the unit is first asked for.
            self._written.append(name)

    def tell(self) -> str:
        """What a test that fails has to show."""
        return systemctl("status", "--lines=30", "--full", *self._written, check=False)

    def close(self) -> None:
        systemctl("stop", *reversed(self._written), check=False)
        for name in self._written:
            (UNITS / name).unlink()
        systemctl("daemon-reload")
        systemctl("reset-failed")
