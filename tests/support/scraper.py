# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus that scrapes one target in several ways, and what it says of each."""

import json
import pathlib
import subprocess
import urllib.parse

from collector import wait_until
from network import Namespace
from watcher import NamespaceHttp

_ADDRESS = ("127.0.0.1", 9090)


class Scraper:
    """`ways`: what stands in a scrape_config besides name and target, by the job's name."""

    def __init__(
        self, namespace: Namespace, folder: pathlib.Path, target: str, ways: dict[str, dict]
    ):
        self._namespace = namespace
        config = folder / "prometheus.yml"
        # JSON is YAML.
        config.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [
                {"job_name": name, "static_configs": [{"targets": [target]}], **way}
                for name, way in ways.items()
            ],
        }))
        config.chmod(0o600)
        self._log = folder / "prometheus.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                namespace.command(
                    "prometheus", f"--config.file={config}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address={_ADDRESS[0]}:{_ADDRESS[1]}",
                ),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )

    def _ask(self, path: str) -> dict:
        connection = NamespaceHttp(self._namespace, *_ADDRESS)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())["data"]
        finally:
            connection.close()

    def _query(self, query: str) -> list[dict]:
        assert self._process.poll() is None, self._log.read_text()
        try:
            return self._ask(f"/api/v1/query?{urllib.parse.urlencode({'query': query})}")["result"]
        except (OSError, ValueError):
            return []  # it is not ready yet

    def wait_value(self, query: str, value: float) -> None:
        """Waits until the query has one answer, this one."""

        def answered() -> bool:
            found = self._query(query)
            return len(found) == 1 and float(found[0]["value"][1]) == value

        wait_until(answered, f"{query} being {value}")

    def error(self, job: str) -> str:
        """What went wrong with the job's last scrape; empty: nothing."""
        targets = self._ask("/api/v1/targets")["activeTargets"]
        return next(t["lastError"] for t in targets if t["labels"]["job"] == job)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
