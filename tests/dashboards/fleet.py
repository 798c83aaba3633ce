# SPDX-License-Identifier: Apache-2.0
"""The Prometheus of a fleet, with the rules that the packages ship."""

import json
import pathlib
from collections.abc import Iterable

from collector import wait_until
from network import Namespace
from places import RULES
from prometheus import Prometheus


class FleetPrometheus(Prometheus):
    """Finds its targets in a file, as hosts of a fleet are found."""

    def __init__(self, namespace: Namespace, folder: pathlib.Path, addresses: dict[str, str],
                 more_rules: Iterable[pathlib.Path] = ()):
        """`addresses`: of the hosts, by their names."""
        targets = folder / "targets.json"
        targets.write_text(json.dumps([
            {"targets": [address], "labels": {"instance": name}} for name, address in addresses.items()
        ]))
        super().__init__(
            namespace, folder, {"relinkd": {"file_sd_configs": [{"files": [str(targets)]}]}},
            [*RULES, *more_rules],
        )

    def rules(self) -> list[dict]:
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def failing_rules(self) -> list[tuple[str, str]]:
        """Their names, and why; each has been evaluated."""
        wait_until(lambda: all(rule["health"] != "unknown" for rule in self.rules()), "evaluated rules")
        return [(rule["name"], rule.get("lastError", "")) for rule in self.rules() if rule["health"] != "ok"]
