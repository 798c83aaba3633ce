# SPDX-License-Identifier: Apache-2.0
"""relinkd under test: started in a namespace, read from outside as its users read it."""

import contextlib
import dataclasses
import datetime
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Sequence

from actuator import Actuator
from collector import LOG_LINE, PATIENCE, Collector, program, wait_until
from config_text import to_config
from metrics_text import Scrape
from network import Namespace, run

NOBODY = 65534


@dataclasses.dataclass(frozen=True)
class Event:
    """One event of `relinkctl events --json`."""

    data: dict

    def __getattr__(self, name: str):
        # Fields that do not apply are absent.
        return self.data.get(name, "")

    @property
    def when(self) -> float:
        moment = datetime.datetime.fromisoformat(self.data["time"].replace("Z", "+00:00"))
        return moment.timestamp()

    def __str__(self) -> str:
        return f"{self.data['time']} {self.event}: {self.message}"


def _conditions(events: list[Event], endpoint: str) -> list[str]:
    return [e.event for e in events if e.endpoint == endpoint and e.condition == e.event]


def _course(path: list[str]) -> list[str]:
    course = ["ok"]
    for condition in path:
        if condition not in ("slow", course[-1]):
            course.append(condition)
    return course[1:]


class NamespaceHttp(http.client.HTTPConnection):
    """HTTP from inside a namespace."""

    def __init__(self, namespace: Namespace, host: str, port: int):
        super().__init__(host, port, timeout=PATIENCE)
        self._namespace = namespace

    def connect(self) -> None:
        self.sock = self._namespace.connect(self.host, self.port, PATIENCE)


class Relinkd:
    """One relinkd in the foreground, as user nobody without any capability; where there are apps,
    with an actuator beside it."""

    def __init__(
        self,
        namespace: Namespace,
        folder: pathlib.Path,
        endpoints: list[dict],
        *,
        apps: Sequence[dict] = (),
        mode: str = "",
        with_actuator: bool = True,
        actuator_prefix: Sequence[str] = (),
        watch: dict | None = None,
        tables: dict[str, dict] | None = None,
        sample: bool = True,
        environment: dict[str, str] | None = None,
        arguments: list[str] | None = None,
        wait_ready: bool = True,
    ):
        self._namespace = namespace
        self._folder = folder
        self._environment = environment or {}
        self._sampling = sample
        self._arguments = arguments
        self._apps = apps
        self._mode = mode
        self.config = folder / "relinkd.toml"
        self.control_socket = folder / "run" / "control.sock"
        given = tables or {}
        actuator = {"socket": folder / "actuator.sock", "user": str(NOBODY)}
        self._tables = {
            "metrics": {"listen": "127.0.0.1:0"},
            "control": {"socket": self.control_socket},
            **({"watch": watch} if watch else {}),
            **given,
            **({"actuator": actuator | given.get("actuator", {})} if apps else {}),
        }
        # As systemd makes them for it. What is in the second one outlives a restart.
        self.state_folder = folder / "state"
        for made, mode in ((folder / "run", 0o755), (self.state_folder, 0o700)):
            made.mkdir(mode=mode, exist_ok=True)
            os.chown(made, NOBODY, NOBODY)
        self.configure(endpoints)
        self.actuator: Actuator | None = None
        if apps:
            self.actuator = Actuator(folder, prefix=namespace.command(*actuator_prefix))
            if with_actuator:
                self.actuator.start()

        self._complaints: list[str] = []
        self._sampler_rests = threading.Event()
        self._scraping = threading.Lock()
        self._ended = threading.Event()
        self._process: subprocess.Popen | None = None
        self._follower: subprocess.Popen | None = None
        self._threads: list[threading.Thread] = []
        self.start(wait_ready)

    # ---------------------------------------------------------------------------- configuration

    def config_text(self, endpoints: list[dict]) -> str:
        return to_config(self._tables, endpoints, self._apps, self._mode)

    def configure(self, endpoints: list[dict], apps: Sequence[dict] | None = None) -> None:
        """Writes the configuration file; a running daemon learns of it when told to reload. Without
        `apps` they stay what they are."""
        if apps is not None:
            self._apps = apps
        self.write_config(self.config_text(endpoints))

    def write_config(self, text: str) -> None:
        self.config.write_text(text)
        self.config.chmod(0o644)

    # ------------------------------------------------------------------------------- life cycle

    def start(self, wait_ready: bool = True) -> None:
        # What was collected of one before is not of this one.
        self.events, self.lines, self.notifications = Collector(), Collector(), Collector()
        self.forget_metrics_address()
        notify = self._folder / "notify"
        notify.unlink(missing_ok=True)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(notify))
        self._notify.settimeout(0.2)
        notify.chmod(0o666)
        self._ended.clear()
        arguments = self._arguments
        if arguments is None:
            arguments = ["--config", str(self.config)]
        environment = {
            "PATH": os.environ["PATH"],
            "NOTIFY_SOCKET": str(notify),
            "STATE_DIRECTORY": str(self.state_folder),
        }
        self._process = subprocess.Popen(
            self._namespace.command(
                "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all",
                program("relinkd"), *arguments,
            ),
            env=environment | self._environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        self._threads = [
            threading.Thread(target=self._read_lines, daemon=True),
            threading.Thread(target=self._read_notifications, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        if wait_ready:
            try:
                self.wait_notification("READY=1")
                self._follow()
            except BaseException:
                self.close()
                raise
            if self._sampling:
                self._threads.append(threading.Thread(target=self._sample, daemon=True))
                self._threads[-1].start()

    def _follow(self) -> None:
        self._follower = subprocess.Popen(
            self.relinkctl_command("events", "--follow", "--json"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )
        self._threads.append(threading.Thread(target=self._read_events, daemon=True))
        self._threads[-1].start()
        # From here on no event is missed: the first ones were told when the stream began.
        self.events.wait(lambda e: e.event == "started", "event that relinkd has started")

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def stop(self, patience: float = PATIENCE) -> int:
        """Ends the daemon in order; its exit status."""
        assert self._process
        # The sampler first: a scrape that the end interrupts says nothing.
        self._ended.set()
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        status = self._process.wait(patience)
        if self._follower:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._follower.wait(5)
            self._follower.kill()
            self._follower.wait()
        self._end_readers()
        return status

    def wait_end(self) -> int:
        """Waits until the daemon ends by itself; its exit status."""
        assert self._process
        status = self._process.wait(PATIENCE)
        self._threads[0].join()  # the last lines of the log
        return status

    def restart(self) -> None:
        """Ends the daemon in order and starts another."""
        assert self.stop() == 0
        self.start()

    def kill(self) -> None:
        """Whatever state it is in; its actuator stays."""
        self._ended.set()
        for process in (self._follower, self._process):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        self._end_readers()

    def close(self) -> None:
        """Both programs."""
        self.kill()
        if self.actuator:
            self.actuator.close()

    def _end_readers(self) -> None:
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._notify.close()

    # ---------------------------------------------------------------------------------- readers

    def _read_lines(self) -> None:
        assert self._process and self._process.stderr
        for line in self._process.stderr:
            self.lines.add(line.rstrip("\n"))

    def _read_events(self) -> None:
        assert self._follower and self._follower.stdout
        for line in self._follower.stdout:
            self.events.add(Event(json.loads(line)))

    def _read_notifications(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                for assignment in self._notify.recv(65536).decode().splitlines():
                    self.notifications.add(assignment)

    def _sample(self) -> None:
        """Scrapes all the time: what must hold in any scrape is checked in many."""
        while not self._ended.wait(0.2):
            if self._sampler_rests.is_set():
                continue
            try:
                with self._scraping:
                    self.scrape().check()
            except AssertionError as error:
                self._complaints.append(str(error))
            except (OSError, http.client.HTTPException) as error:
                if not self._ended.is_set() and self.running:
                    self._complaints.append(f"a scrape failed: {error!r}")

    # ---------------------------------------------------------------------------------- outputs

    def metrics_address(self) -> tuple[str, int]:
        if not hasattr(self, "_metrics_address"):
            url = urllib.parse.urlparse(self.status()["metrics_url"])
            assert url.hostname and url.port, url
            self._metrics_address = (url.hostname, url.port)
        return self._metrics_address

    def forget_metrics_address(self) -> None:
        """The daemon serves them elsewhere now."""
        vars(self).pop("_metrics_address", None)

    def get(self, path: str = "/metrics", method: str = "GET") -> tuple[int, dict, str]:
        """Status, headers and body."""
        connection = NamespaceHttp(self._namespace, *self.metrics_address())
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read().decode()
        finally:
            connection.close()

    def scrape(self) -> Scrape:
        status, _, body = self.get()
        assert status == 200, f"/metrics answers {status}"
        return Scrape(body)

    def relinkctl_command(self, *arguments: str) -> list[str]:
        """The command line of relinkctl on this daemon."""
        return [program("relinkctl"), "--socket", str(self.control_socket), *arguments]

    def relinkctl(self, *arguments: str) -> subprocess.CompletedProcess:
        """relinkctl with the daemon's socket, in the daemon's namespace."""
        return subprocess.run(
            self._namespace.command(*self.relinkctl_command(*arguments)),
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )

    def status(self) -> dict:
        done = self.relinkctl("status", "--json")
        assert done.stdout, f"relinkctl status: {done.stderr}"
        return json.loads(done.stdout)

    def endpoint(self, name: str) -> dict:
        found = [e for e in self.status()["endpoints"] if e["name"] == name]
        assert len(found) == 1, found
        return found[0]

    def nodes(self, name: str, part: str = "") -> dict[str, dict]:
        """The nodes of an endpoint in `status`, by host:port; all, or those of one part."""
        return {
            node["node"]: node
            for node in self.endpoint(name)["nodes"]
            if not part or node["part"] == part
        }

    def former_primaries(self, name: str) -> dict[str, int]:
        """How many sockets of this host still are open to each former primary, by host:port."""
        return {f["node"]: f["sockets"] for f in self.endpoint(name)["former_primaries"]}

    def descriptors(self) -> int:
        """How many it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def memory_kib(self, field: str = "VmHWM") -> int:
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        match = re.search(rf"^{field}:\s+(\d+) kB$", status, re.M)
        assert match
        return int(match.group(1))

    def limit_descriptors(self, count: int) -> None:
        """From now on the daemon gets no descriptor from number `count` on; those that it has
        stay."""
        # As the daemon's user: root without CAP_SYS_RESOURCE may not set another user's limits.
        run("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
            "prlimit", f"--pid={self.pid}", f"--nofile={count}:")

    @contextlib.contextmanager
    def unscraped(self) -> Iterator[None]:
        """Meanwhile the sampler rests: the test keeps the daemon from answering."""
        self._sampler_rests.set()
        # A scrape that is under way ends first.
        with self._scraping:
            yield
        self._sampler_rests.clear()

    # ------------------------------------------------------------------------------- conditions

    def mark(self) -> int:
        """A place in the course of events, to look from."""
        return len(self.events.all())

    def wait_event(self, kind: str, endpoint: str = "", since: int = 0, **fields: str) -> Event:
        def wanted(event: Event) -> bool:
            return (
                event.event == kind
                and (not endpoint or event.endpoint == endpoint)
                and all(getattr(event, key) == value for key, value in fields.items())
            )

        return self.events.wait(wanted, f"{kind} of {endpoint or 'relinkd'} {fields or ''}", since)

    def wait_disconnected(self, endpoint: str, cause: str, since: int = 0) -> Event:
        return self.wait_event("disconnected", endpoint, since, cause=cause)

    def wait_notification(self, text: str, since: int = 0) -> str:
        try:
            return self.notifications.wait(
                lambda n: n.startswith(text), f"notification {text}", since
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\nlog:\n{self.log()}") from None

    def path(self, endpoint: str, since: int = 0) -> list[str]:
        """The conditions that an endpoint went through, in order."""
        return _conditions(self.events.all(since), endpoint)

    def course(self, endpoint: str, since: int = 0) -> list[str]:
        """What happened to an endpoint that was ok: its path without "slow", which any
        disturbance may show for a moment, and without an "ok" that only ends such a moment."""
        return _course(_conditions(self.events.all(since), endpoint))

    def wait_course(self, endpoint: str, *course: str | set[str], since: int = 0) -> None:
        """Waits for these conditions in this order, and for no other. A set: any of these."""
        expected = [{c} if isinstance(c, str) else c for c in course]
        seen: list[Event] = []

        def arrived(event: Event) -> bool:
            seen.append(event)
            now = _course(_conditions(seen, endpoint))
            fits = len(now) <= len(expected) and all(c in e for c, e in zip(now, expected))
            assert fits, f"{endpoint} became {now} instead of {expected}: {event}\n{self.log()}"
            return len(now) == len(expected)

        self.events.wait(arrived, f"course {course} of {endpoint}", since)

    def wait_probes(self, endpoint: str, count: int) -> None:
        """Waits until so many more PINGs were answered."""

        def answered() -> float:
            return self.scrape().value("relinkd_ping_rtt_seconds_count", endpoint=endpoint)

        wanted = answered() + count
        wait_until(lambda: answered() >= wanted, f"{count} more answers of {endpoint}")

    def disconnects(self, endpoint: str) -> dict[str, float]:
        """disconnects_total by cause, those above 0."""
        series = self.scrape().matching("relinkd_disconnects_total", endpoint=endpoint)
        return {dict(key)["cause"]: value for key, value in series.items() if value}

    def failovers(self, endpoint: str) -> dict[str, float]:
        """failovers_total by kind, those above 0."""
        series = self.scrape().matching("relinkd_failovers_total", endpoint=endpoint)
        return {dict(key)["kind"]: value for key, value in series.items() if value}

    def wait_primary(self, endpoint: str, node: str) -> None:
        """Waits until this node is the primary of an endpoint that has one, and proven to be."""

        def proven() -> bool:
            primaries = self.nodes(endpoint, "primary")
            return primaries.keys() == {node} and primaries[node]["role"] == "primary"

        wait_until(proven, f"proof of {node} as the primary of {endpoint}")

    def wait_node(self, endpoint: str, node: str, **fields: str) -> None:
        """Waits until `status` says this of a node."""

        def said() -> bool:
            found = self.nodes(endpoint).get(node, {})
            return all(found.get(key) == value for key, value in fields.items())

        wait_until(said, f"{fields} of {node} of {endpoint}")

    def log(self) -> str:
        return "\n".join(self.lines.all())

    def wait_line(self, text: str) -> str:
        """Waits for a line of the log that has this text in it: the log may come later than the
        event of the same."""
        return self.lines.wait(lambda line: text in line, f"line with {text}")

    def wait_former_primaries(self, name: str, sockets: dict[str, int]) -> None:
        """Waits until so many sockets are counted to each: they are not before the first look."""
        wait_until(lambda: self.former_primaries(name) == sockets,
                   f"{sockets} sockets to former primaries of {name}")

    # ------------------------------------------------------------------------------- at the end

    def outputs(self) -> dict[str, str]:
        """Everything that the daemon tells, by where."""
        told = {
            "log": self.log(),
            "events": "\n".join(json.dumps(e.data) for e in self.events.all()),
            "notifications": "\n".join(self.notifications.all()),
        }
        if self.running:
            process = pathlib.Path(f"/proc/{self.pid}")
            told["status"] = self.relinkctl("status", "--json").stdout
            if json.loads(told["status"])["metrics_url"].startswith("http:"):
                told["metrics"] = self.get()[2]
            told["status table"] = self.relinkctl("status").stdout
            told["configuration"] = self.relinkctl("config", "show").stdout
            told["command line"] = (process / "cmdline").read_bytes().decode()
            told["environment"] = (process / "environ").read_bytes().decode()
        return told

    def verify(self, secrets: list[str]) -> None:
        """What must hold at the end of any test."""
        assert not self._complaints, "\n".join(self._complaints[:10])
        if self._sampling and self._follower and self.running:
            # A test may be over before the sampler's first scrape.
            self.scrape().check()
        for place, text in self.outputs().items():
            for secret in secrets:
                assert secret not in text, f"a secret is in the {place}"
        # A daemon that refuses its configuration says so as compilers do: file:line:column.
        for line in self.lines.all() if self._follower else []:
            assert LOG_LINE.match(line), f"not a log line: {line!r}"
