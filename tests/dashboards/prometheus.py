# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus in a namespace, with the rules that the packages ship."""

import json
import pathlib
import signal
import subprocess
import time
import urllib.parse

from collector import wait_until
from network import Namespace
from places import RULES
from watcher import NamespaceHttp

PORT = 9090
SCRAPE = 1.0  # seconds


class Refused(Exception):
    """Prometheus' own words."""


class Prometheus:
    """Finds its targets in a file, as hosts of a fleet are found."""

    def __init__(self, namespace: Namespace, folder: pathlib.Path):
        self._namespace = namespace
        self.data = folder / "data"
        self._targets = folder / "targets.json"
        self._targets.write_text("[]")
        config = folder / "prometheus.yml"
        # JSON is YAML.
        config.write_text(json.dumps({
            "global": {"scrape_interval": f"{SCRAPE:g}s", "scrape_timeout": "1s",
                       "evaluation_interval": f"{SCRAPE:g}s"},
            "rule_files": [str(file) for file in RULES],
            "scrape_configs": [{
                "job_name": "relinkd",
                "file_sd_configs": [{"files": [str(self._targets)], "refresh_interval": "1s"}],
            }],
        }))
        self._log = folder / "prometheus.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                namespace.command(
                    "prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.data}",
                    f"--web.listen-address=127.0.0.1:{PORT}",
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

    def set_targets(self, addresses: dict[str, str]) -> None:
        """Addresses by the names of hosts."""
        text = json.dumps([
            {"targets": [address], "labels": {"instance": name}} for name, address in addresses.items()
        ])
        new = self._targets.with_suffix(".new")
        new.write_text(text)
        new.rename(self._targets)

    def wait_scraped(self, times: int = 2) -> None:
        """Waits until each target was scraped so often from now on."""
        begin = time.time()
        wait_until(
            lambda: self._scraped(begin + (times - 1) * SCRAPE), f"{times} scrapes of each target"
        )

    def _scraped(self, after: float) -> bool:
        found = self.ask("query", query="timestamp(up)")["result"]
        return bool(found) and all(float(one["value"][1]) > after for one in found)

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = NamespaceHttp(self._namespace, "127.0.0.1", PORT)
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

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)
