# SPDX-License-Identifier: Apache-2.0
"""What a test does that cannot run here."""

import os

SKIPPED = 77


def cannot_run(reason: str) -> int:
    """Says why, and returns the exit status: 77, or 1 where every test has to run."""
    required = os.environ.get("RELINKD_REQUIRE_ALL") == "1"
    print(f"{'cannot run' if required else 'skipped'}: {reason}")
    return 1 if required else SKIPPED
