# SPDX-License-Identifier: Apache-2.0
"""These tests run through tests/support/isolated.py, which makes the namespaces around them."""

import os

import pytest
from fabric import Fabric
from lab import ClientHost, Lab


def pytest_configure() -> None:
    if os.environ.get("TMPDIR") != "/run/lab/tmp":
        pytest.exit("run these tests by: sudo tests/netns/run [PYTEST-ARGUMENT…]", returncode=4)


def everything_of(made: ClientHost):
    try:
        yield made
        made.verify()
    finally:
        made.tell()
        made.close()


@pytest.fixture
def lab():
    yield from everything_of(Lab())


@pytest.fixture
def fabric():
    yield from everything_of(Fabric())
