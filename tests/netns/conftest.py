# SPDX-License-Identifier: Apache-2.0
"""These tests run through tests/support/isolated.py, which makes the namespaces around them."""

import os

import pytest
from lab import Lab


def pytest_configure() -> None:
    if os.environ.get("TMPDIR") != "/run/lab/tmp":
        pytest.exit("run these tests by: sudo tests/netns/run [PYTEST-ARGUMENT…]", returncode=4)


@pytest.fixture
def lab():
    made = Lab()
    try:
        yield made
        made.verify()
    finally:
        made.tell()
        made.close()
