# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus in a namespace, and what it says."""

import json
import pathlib
import signal
import subprocess
import time
import urllib.parse
from collections.abc import Iterable

from collector import wait_until
from network import Namespace
from watcher import NamespaceHttp

ADDRESS = ("127.0.0.1", 9090)
SCRAPE = 1.0  # seconds


class Refused(Exception):
    """Prometheus' own words."""


class Prometheus:
    """`jobs`: what stands in its scrape_configs besides the name, by the job's name."""

    def __init__(self, namespace: Namespace, folder: pathlib.Path, jobs: dict[str, dict],
                 rules: Iterable[pathlib.Path] = ()):
        self._namespace = namespace
        self.data = folder / "data"
        config = folder / "prometheus.yml"
        # JSON is YAML.
        config.write_text(json.dumps({
            "global": {"scrape_interval": f"{SCRAPE:g}s", "scrape_timeout": f"{SCRAPE:g}s",
                       "evaluation_interval": f"{SCRAPE:g}s"},
            "rule_files": [str(file) for file in rules],
            "scrape_configs": [{"job_name": name, **job} for name, job in jobs.items()],
        }))
        config.chmod(0o600)  # it may have a password
        self._log = folder / "prometheus.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                namespace.command(
                    "prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.data}",
                    f"--web.listen-address={ADDRESS[0]}:{ADDRESS[1]}",
                ),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        wait_until(self._ready, "Prometheus")

    def _ready(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        try:
            return self._get("/-/ready")[0] == 200
        except OSError:
            return False

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = NamespaceHttp(self._namespace, *ADDRESS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def ask(self, what: str, **parameters: object):
        """The data of /api/v1/WHAT."""
        query = f"?{urllib.parse.urlencode(parameters, doseq=True)}" if parameters else ""
        _, body = self._get(f"/api/v1/{what}{query}")
        answer = json.loads(body)
        if answer["status"] != "success":
            raise Refused(answer["error"])
        return answer["data"]

    def error(self, job: str) -> str:
        """What went wrong with the last scrape of the job's target; empty: nothing."""
        targets = self.ask("targets")["activeTargets"]
        return next(t["lastError"] for t in targets if t["labels"]["job"] == job)

    def wait_value(self, query: str, value: float) -> None:
        """Waits until the query has one answer, this one."""

        def answered() -> bool:
            found = self.ask("query", query=query)["result"]
            return len(found) == 1 and float(found[0]["value"][1]) == value

        wait_until(answered, f"{query} being {value}")

    def wait_scraped(self, times: int = 2) -> None:
        """Waits until each target was scraped so often from now on."""
        begin = time.time()
        wait_until(
            lambda: self._scraped(begin + (times - 1) * SCRAPE), f"{times} scrapes of each target"
        )

    def _scraped(self, after: float) -> bool:
        found = self.ask("query", query="timestamp(up)")["result"]
        return bool(found) and all(float(one["value"][1]) > after for one in found)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)
