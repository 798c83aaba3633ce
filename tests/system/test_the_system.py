# SPDX-License-Identifier: Apache-2.0
"""The system that these tests run on is a whole one: nothing failed, and systemd runs it."""

import subprocess


def test_nothing_failed_at_boot():
    state = subprocess.run(["systemctl", "is-system-running", "--wait"], check=False, text=True,
                           stdout=subprocess.PIPE)
    assert state.stdout == "running\n"
