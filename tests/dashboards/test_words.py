# SPDX-License-Identifier: Apache-2.0
"""Every word that a panel has a colour for is shown by it once what it means has happened; and the check
of the rules' health finds one that fails."""

import json

import pytest
from fabric import Fabric
from gallery import Gallery
from places import BOARDS, board
from prometheus import SCRAPE
from queries import Span, unshown


@pytest.fixture(scope="module")
def gallery():
    fabric = Fabric()
    try:
        made = Gallery(fabric)
        made.play()
        yield made
    except BaseException:
        fabric.tell()
        raise
    finally:
        fabric.close()


def found(gallery, dashboard: dict) -> list[str]:
    return unshown(dashboard, Span(gallery.start, gallery.end, SCRAPE), gallery.prometheus.ask)


@pytest.mark.parametrize("file", BOARDS, ids=[file.stem for file in BOARDS])
def test_every_word_with_a_colour_is_shown(gallery, file):
    missing = found(gallery, json.loads(file.read_text(encoding="utf-8")))
    assert missing == [], "\n".join(missing)


@pytest.mark.parametrize(("good", "bad"), [
    # A word that there is not, and a query and a legend that leave one out.
    ('"black_holed": {', '"blackholed": {'),
    ("(relinkd_app_sockets{", '(relinkd_app_sockets{endpoint!=\\"stalled\\", '),
    ("{{action}}: {{result}}", "{{result}}"),
], ids=["word", "query", "legend"])
def test_the_check_finds(gallery, good, bad):
    text = json.dumps(board("app"))
    assert good in text
    assert found(gallery, json.loads(text.replace(good, bad))) != []


def test_a_rule_that_fails_is_found(gallery):
    """That the others do not is tests/dashboards/test_live.py's."""
    [(name, reason)] = gallery.prometheus.failing_rules()
    assert name == "Faulty" and "many-to-many" in reason, reason
