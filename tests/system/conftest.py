# SPDX-License-Identifier: Apache-2.0
"""These tests run through tests/support/booted.py, in a system that is theirs alone."""

import os

import pytest
from systemd import Units, tell_relinkd


def pytest_configure() -> None:
    if os.environ.get("RELINKD_PROGRAMS") != "/relinkd/programs":
        pytest.exit("run these tests by: sudo tests/system/run [PYTEST-ARGUMENT…]", returncode=4)


@pytest.fixture
def units():
    made = Units()
    yield made
    made.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if report.failed and "units" in item.funcargs:
        report.sections.append(("the units", item.funcargs["units"].tell()))
    if report.failed:
        report.sections.append(("relinkd and its actuator", tell_relinkd()))
