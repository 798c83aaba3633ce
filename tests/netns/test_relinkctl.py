# SPDX-License-Identifier: Apache-2.0
"""relinkctl on a living relinkd: what its help promises, pipes, and terminals of every size."""

import fcntl
import os
import pathlib
import pty
import re
import shlex
import signal
import struct
import subprocess
import termios
import time

import pytest
from collector import PATIENCE, wait_until
from lab import app, endpoint
from relinks import Relinks
from watcher import program

# As the examples have them.
NAME = "sessions"
APP = "checkout"
CONFIG = pathlib.Path("/etc/relinkd/relinkd.toml")
# They need a server or a file of their own, or change what outlives the test.
NOT_RUN = {"rediss://", "sysctl apply", "sysctl revert"}
# Where there is no journal, incidents say so; where a sysctl is not applied, its check does.
EXITS = {"incidents": {0, 3}, "sysctl": {0, 1, 2}}


def help_of(*command: str) -> str:
    done = subprocess.run(
        [program("relinkctl"), *command, "--help"],
        capture_output=True, text=True, timeout=PATIENCE, check=True,
    )
    return done.stdout


def commands(*parent: str) -> list[tuple[str, ...]]:
    """Every command that has a --help, groups and relinkctl itself too."""
    listed = re.search(r"^Subcommands:\n((?: +.*\n)+)", help_of(*parent), re.M)
    names = re.findall(r"^  ([a-z]\S*)", listed[1], re.M) if listed else []
    return [parent, *(found for name in names for found in commands(*parent, name))]


def examples(*command: str) -> list[str]:
    text = help_of(*command)
    assert "\nExamples:\n" in text, f"no example in the help of relinkctl {' '.join(command)}"
    return re.findall(r"^  (relinkctl .*)$", text.split("\nExamples:\n")[1], re.M)


COMMANDS = commands()


@pytest.fixture
def server(lab):
    return lab.redis()


@pytest.fixture
def application(lab):
    return lab.application()


@pytest.fixture
def watcher(lab, server, application):
    """With a connection of the app that waits for a reply without keepalive, and one that is idle."""
    worker = application.to(server)
    worker.call("PING").value()
    application.to(server).call("PING").value()
    # In another of the kernel's steps of time (4 ms): within one, what was sent last cannot be told.
    time.sleep(0.1)
    worker.call("BLPOP", "jobs", 0)
    made = lab.watch_until_ok(endpoint(NAME, server.url()), apps=[app(APP, NAME, protect=False)])
    Relinks(made, APP, NAME).wait_seen(application)
    return made


def test_every_command_has_an_example_of_itself():
    assert len(COMMANDS) > 15
    for command in COMMANDS:
        shown = examples(*command)
        assert shown, command
        assert all(one.startswith(" ".join(["relinkctl", *command])) for one in shown), shown


def test_the_examples_work(lab, watcher):
    lab.start_redis(lab.client, "127.0.0.1", 6379)
    # /etc is a private copy here.
    CONFIG.parent.mkdir(mode=0o755)
    CONFIG.symlink_to(watcher.config)
    try:
        for line in [line for command in COMMANDS for line in examples(*command)]:
            if any(one in line for one in NOT_RUN):
                continue
            words = shlex.split(line)
            words[0] = program("relinkctl")
            if "--watch" in words or "--follow" in words:
                assert first_line(lab, words), line
                continue
            done = subprocess.run(
                lab.client.command(*words), capture_output=True, text=True, timeout=PATIENCE,
                check=False,
            )
            assert done.returncode in EXITS.get(words[1], {0}), f"{line}\n{done.stderr}"
            # A line for each that closed, of which there is none here.
            none = words[1] == "closes" and "--json" in words
            assert done.stdout or none or done.returncode == 3, line
    finally:
        CONFIG.unlink()
        CONFIG.parent.rmdir()


def first_line(lab, words: list[str], lines: int = 1) -> str:
    """Of a command that goes on for ever, after which nobody reads it any more, or after so many:
    it has to end then."""
    process = subprocess.Popen(
        lab.client.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    line = [process.stdout.readline() for _ in range(lines)][0]
    process.stdout.close()
    try:
        process.wait(timeout=PATIENCE)
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.communicate()
    return line


def test_whoever_stops_reading_ends_a_command_without_a_word(lab, watcher):
    so_far = len(watcher.relinkctl("events", "--json").stdout.splitlines())
    # All that there is, so that it has nothing to write by which it would notice.
    assert first_line(lab, watcher.relinkctl_command("events", "--follow", "--json"), so_far)
    assert first_line(lab, watcher.relinkctl_command("status", "--watch", "--json"))


def on_terminal(lab, words: list[str], columns: int, **environment: str) -> str:
    """What it shows on a terminal so wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        lab.client.command(*words), stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL,
        env=os.environ | {"TERM": "xterm"} | environment,
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:
        pass  # EIO: it has ended
    os.close(ours)
    assert process.wait(timeout=PATIENCE) == 0
    return shown.decode().replace("\r\n", "\n")


def without_colour(text: str) -> str:
    return re.sub(r"\033\[[\d;]*m", "", text)


@pytest.mark.parametrize("columns", [30, 40, 60, 80, 132, 300])
def test_no_value_is_broken_at_any_width(lab, server, watcher, columns):
    for words, values in (
        (("status",), [NAME, server.host_port, "primary"]),
        (("apps",), [NAME, server.host_port, "checkout.service"]),
        (("config", "show"), ["metrics.listen", str(watcher.control_socket)]),
    ):
        shown = without_colour(on_terminal(lab, watcher.relinkctl_command(*words), columns))
        for value in values:
            assert value in shown, shown
        for line in shown.splitlines():
            # One word may be longer than the terminal.
            assert len(line) <= columns or len(line.split()) <= 2, f"{words} {columns}: {line}"


def test_colour_is_for_terminals_that_want_it(lab, watcher):
    words = watcher.relinkctl_command("status")
    assert "\033[" in on_terminal(lab, words, 80)
    assert "\033[" in on_terminal(lab, words, 80, NO_COLOR="")
    assert "\033" not in on_terminal(lab, words, 80, NO_COLOR="1")
    assert "\033" not in on_terminal(lab, words, 80, TERM="dumb")
    assert "\033" not in watcher.relinkctl("status").stdout


def test_what_waits_without_keepalive_is_not_given_the_time_of_the_kernel(watcher, application):
    relinks = Relinks(watcher, APP, NAME)

    def listed():
        [of_endpoint] = relinks.view()["endpoints"]
        return [one for one in of_endpoint["listed"] if one["unprotected"]]

    wait_until(lambda: len(listed()) == 2, "both connections without keepalive")
    wait_until(lambda: any(one["waiting"] for one in listed()), "a look at the one that waits")
    waiting, idle = sorted(listed(), key=lambda one: not one["waiting"])
    assert waiting["waiting"] and waiting["hangs_seconds"] is None
    assert not idle["waiting"] and idle["hangs_seconds"] > 0
    shown = watcher.relinkctl("apps", APP).stdout
    assert "it waits for a reply, and would wait for ever" in shown
    assert "the next command on it would hang for 15 min" in shown


def test_a_relinkd_that_does_not_answer_is_told_so(watcher):
    watcher.signal(signal.SIGSTOP)
    try:
        done = watcher.relinkctl("status")
    finally:
        watcher.signal(signal.SIGCONT)
    assert done.returncode == 3
    assert "relinkd has not answered within" in done.stderr
    assert "systemctl status relinkd" in done.stderr


def test_whose_user_may_not_is_told_which_right_is_missing(watcher):
    def as_nobody_else(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["setpriv", "--reuid", "61009", "--regid", "61009", "--clear-groups",
             *watcher.relinkctl_command(*words)],
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )

    reading = as_nobody_else("status")
    assert reading.returncode == 1
    assert "group relinkd" in reading.stderr and "usermod" in reading.stderr
    ordering = as_nobody_else("pause", "1m")
    assert ordering.returncode == 1
    assert "[control] operators" in ordering.stderr


def test_a_relink_that_is_refused_promises_nothing(server, watcher):
    mark = watcher.mark()
    server.freeze()
    try:
        watcher.wait_event("stalled", NAME, since=mark)
        done = watcher.relinkctl("relink", APP)
    finally:
        server.thaw()
    assert done.returncode == 1 and done.stdout == ""
    assert "nothing is done" in done.stderr and "it is to reconnect" not in done.stderr
