# SPDX-License-Identifier: Apache-2.0
"""The manual's pages are well-formed, for mandoc and for man-db's groff, and refer to each other."""

import os
import re
import subprocess

import manual
import pytest

each_page = pytest.mark.parametrize("page", manual.PAGES, ids=lambda page: page.name)


def test_there_are_pages():
    assert len(manual.PAGES) >= 5


@each_page
def test_mandoc_finds_nothing(page):
    done = subprocess.run(
        ["mandoc", "-T", "lint", page], capture_output=True, text=True, timeout=60, check=False
    )
    # Pages of other packages are not installed everywhere; our own are looked at below.
    found = [
        line for line in done.stdout.splitlines() if "referenced manual not found" not in line
    ]
    assert found == []


@each_page
def test_man_warns_of_nothing(page):
    done = subprocess.run(
        ["man", "--warnings", "--local-file", "-Tutf8", "--pager=cat", page],
        capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | {"LC_ALL": "C.UTF-8", "MANWIDTH": "80"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) > 40


@each_page
def test_our_own_pages_that_it_names_are_there(page):
    text = page.read_text(encoding="utf-8")
    named = {".".join(pair) for pair in re.findall(r"^\.Xr (relink\S+) (\d)", text, re.M)}
    assert named
    assert named <= {other.name for other in manual.PAGES} - {page.name}
