# SPDX-License-Identifier: Apache-2.0
"""The applications in docs/clients/ replace their connections when relinkd tells them to, and do
without it."""

import os
import pathlib
import shutil
import subprocess
import threading

import pytest
from lab import Lab, endpoint
from watcher import PATIENCE, Collector, wait_until

PORT = 6379
HOST = "redis.test"
TTL = 2
NAME = "sessions"
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "docs" / "clients"
NODE_MODULES = pathlib.Path("/run/lab/node_modules")
COMMANDS = {
    "redis_py": ["/usr/bin/python3", "-B", "redis_py.py"],
    "ioredis": ["node", "ioredis.js"],
}
UID = 61002
# Of a call: so long that it is never the reason of anything here.
TIMEOUT = 600
APP = f"""
[[app]]
name = "checkout"
match = {{ user = "{UID}" }}
endpoints = ["{NAME}"]
mode = "observe"
"""


class Example:
    """One of the applications, which tells each number that it has counted to."""

    def __init__(self, lab: Lab, client: str, url: str, control: pathlib.Path) -> None:
        if client == "ioredis" and not NODE_MODULES.is_dir():
            raise RuntimeError("ioredis is not installed: run ./dev test netns")
        folder = lab.make_folder("clients")
        for file in EXAMPLES.iterdir():
            shutil.copy(file, folder)
        self._lines = Collector()
        self._process = subprocess.Popen(
            lab.client.command(
                "setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs",
                *COMMANDS[client], url, f"--endpoint={NAME}", f"--control={control}",
                f"--timeout={TIMEOUT}"),
            cwd=folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "NODE_PATH": str(NODE_MODULES)})
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.wait_count()

    def _read(self) -> None:
        for line in self._process.stdout:
            self._lines.add(line.rstrip("\n"))

    def wait_count(self) -> None:
        """Until it has counted once more."""
        seen = len(self._lines.all())
        self._lines.wait(str.isdigit, "number", seen)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        print("\n".join(self._lines.all()))


@pytest.fixture(params=COMMANDS)
def start(request, lab):
    """Starts the application of a client. Before or after relinkd, whose socket is where it will
    be."""
    def begin(url: str) -> Example:
        made = Example(lab, request.param, url, control_socket(lab))
        lab.cleanup(made.close)
        return made
    return begin


def control_socket(lab: Lab) -> pathlib.Path:
    return lab.make_folder("relinkd-0") / "run" / "control.sock"


def watch(lab: Lab, url: str):
    drop_ins = lab.make_folder("relinkd-0") / "conf.d"
    drop_ins.mkdir()
    (drop_ins / "app.toml").write_text(APP)
    return lab.watch_until_ok(endpoint(NAME, url))


def wait_subscribed(lab: Lab) -> None:
    """Until the application is connected to relinkd. (The test's own relinkctl calls from another
    namespace.)"""
    def connected() -> bool:
        sockets = [line.split() for line in lab.client.run("cat", "/proc/net/unix").splitlines()]
        established = "03"
        return any(s[-1] == str(control_socket(lab)) and s[5] == established for s in sockets)
    wait_until(connected, "subscription", 2 * PATIENCE)


def connections(server) -> set[str]:
    """The ids of the connections at the server that count; a dead one stays."""
    return {c["id"] for c in server.client().client_list() if c["cmd"].startswith("incr")}


def test_a_call_on_a_dead_connection_ends_when_relinkd_has_found_it_out(lab, start):
    server = lab.redis()
    watcher = watch(lab, server.url())
    app = start(server.url())
    wait_subscribed(lab)
    mark = watcher.mark()
    lab.faults.cut_flows(PORT)
    watcher.wait_event("half_open", NAME, mark)
    app.wait_count()


def test_a_name_that_moves_takes_the_application_along(lab, start):
    names = lab.name_server()
    names.set_address(HOST, Lab.address, ttl=TTL)
    old, new = lab.redis(), lab.redis(Lab.other_address)
    url = f"redis://{HOST}:{PORT}"
    watcher = watch(lab, url)
    app = start(url)
    wait_subscribed(lab)
    assert len(connections(old)) == 1
    names.set_address(HOST, Lab.other_address, ttl=TTL)
    watcher.wait_primary(NAME, new.host_port)
    wait_until(lambda: new.client().get("relinkd-example"), "count at the new server")
    app.wait_count()


def test_it_does_without_relinkd_and_finds_it_when_it_comes(lab, start):
    server = lab.redis()
    app = start(server.url())
    before = connections(server)
    watcher = watch(lab, server.url())
    wait_subscribed(lab)
    # A relinkd that ends, or another, is no reason to do anything.
    watcher.kill()
    app.wait_count()
    watcher.start()
    wait_subscribed(lab)
    app.wait_count()
    assert connections(server) == before
    lab.faults.cut_flows(PORT)
    wait_until(lambda: connections(server) - before, "new connection")
    app.wait_count()
