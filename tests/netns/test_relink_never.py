# SPDX-License-Identifier: Apache-2.0
"""What is no dead flow: relinkd says what is wrong, and touches nobody's connections."""

import contextlib
import threading
import time

import pytest
from application import Untouched
from collector import wait_until
from lab import app, endpoint
from relinks import Relinks

NAME = "sessions"
APP = "checkout"
PORT = 6379
SECONDS = 10


@contextlib.contextmanager
def stalled(lab, server):
    del lab
    server.freeze()
    yield
    server.thaw()


@contextlib.contextmanager
def overloaded(lab, server):
    """One slow command after the other."""
    del lab
    ended = threading.Event()

    def load():
        while not ended.is_set():
            server.client().execute_command("DEBUG", "SLEEP", "0.4")

    thread = threading.Thread(target=load)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def unreachable(lab, server):
    del server
    lab.faults.drop_requests()
    yield
    lab.faults.repair()


@contextlib.contextmanager
def link_down(lab, server):
    del server
    lab.faults.client_link("down")
    yield
    lab.faults.client_link("up")


@pytest.mark.parametrize("trouble, conditions", [
    (stalled, {"stalled"}),
    (overloaded, {"slow"}),
    (unreachable, {"unreachable"}),
    (link_down, {"local_fault"}),
])
def test_nothing_is_done_while_the_node_itself_is_in_trouble(lab, trouble, conditions):
    server = lab.redis()
    # A protected connection is ended by the kernel in an outage of SECONDS.
    watcher = lab.watch_until_ok(
        endpoint(NAME, server.url()), apps=[app(APP, NAME, protect=False)]
    )
    relinks = Relinks(watcher, APP, NAME)
    application = lab.application()
    busy = application.to(server).repeat("INCR", "a")
    pool = application.pool(server, 3)
    application.to(server).listen("news")
    relinks.wait_seen(application)
    untouched = Untouched(application, server)

    mark = watcher.mark()
    with trouble(lab, server):
        # Used in the middle of it, too.
        calls = [one.call("PING") for one in pool]
        time.sleep(SECONDS)
        assert conditions <= set(watcher.path(NAME, mark))
    repaired = time.monotonic()
    wait_until(lambda: watcher.scrape().condition(NAME) == "ok", "recovery")
    for call in calls:
        assert call.end().ok
    busy.wait_success(begun_after=repaired)
    # Beyond every wait before an action.
    watcher.wait_probes(NAME, 4)
    untouched.check()
    assert busy.failures() == []
    relinks.assert_nothing_was_done()
