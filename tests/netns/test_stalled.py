# SPDX-License-Identifier: Apache-2.0
"""The server's kernel acknowledges and its process does not answer: stalled, and no reconnect."""

import threading
import time

import redis
from lab import endpoint
from watcher import wait_until

PORT = 6379
# The default command_timeout is 2 s; no witness before half of it.
NO_WITNESS_BEFORE = 1.0


def watched(server):
    """The connections of relinkd, as the server knows them."""
    return {c["id"] for c in server.watchers()}


def block(server, *command):
    """Sends a command that blocks the server, and does not wait for its end."""

    def send():
        try:
            server.client().execute_command(*command)
        except redis.exceptions.RedisError as error:
            print(f"{command[0]}: {error}")

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def test_a_stopped_server_is_slow_then_stalled_then_ok_on_the_same_connection(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    before = watched(server)
    mark = watcher.mark()
    frozen = server.freeze()
    found = watcher.wait_event("stalled", "sessions", mark)
    print(f"stalled {found.when - frozen:.2f} s after the stop: {found.message}")
    time.sleep(max(0.0, frozen + 8 - time.time()))
    server.thaw()
    watcher.wait_course("sessions", "stalled", "ok", since=mark)
    path = watcher.path("sessions", mark)
    assert path[:2] == ["slow", "stalled"], path
    assert watcher.disconnects("sessions") == {}
    assert before <= watched(server)
    connects = lab.tap.connects(PORT, since=frozen)
    assert connects, "stalled needs a witness"
    # A PING that went unanswered was sent after the stop.
    assert connects[0].time - frozen >= NO_WITNESS_BEFORE
    assert len(connects) <= 3


def test_a_server_that_sleeps_is_stalled(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    mark = watcher.mark()
    sleeper = block(server, "DEBUG", "SLEEP", "5")
    watcher.wait_course("sessions", "stalled", "ok", since=mark)
    sleeper.join()
    assert watcher.disconnects("sessions") == {}


def test_a_long_script_stalls_the_server_until_it_says_busy(lab):
    """Redis is silent until busy-reply-threshold (5 s), then answers -BUSY."""
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    before = watched(server)
    mark = watcher.mark()
    script = block(server, "EVAL", "while true do end", "0")
    watcher.wait_course("sessions", "stalled", "busy", since=mark)
    server.client().script_kill()
    script.join()
    watcher.wait_course("sessions", "stalled", "busy", "ok", since=mark)
    assert watcher.disconnects("sessions") == {}
    assert before <= watched(server)


def test_a_long_script_of_a_server_that_says_so_soon_is_busy(lab):
    server = lab.redis(busy_reply_threshold=200)
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    mark = watcher.mark()
    script = block(server, "EVAL", "while true do end", "0")
    found = watcher.wait_event("busy", "sessions", mark)
    assert "BUSY" in found.message
    server.client().script_kill()
    script.join()
    watcher.wait_course("sessions", "busy", "ok", since=mark)
    assert watcher.disconnects("sessions") == {}


def test_a_server_that_always_answers_late_is_slow_and_up(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(
        endpoint("sessions", server.url()), watch={"slow_threshold": "100ms"}
    )
    mark = watcher.mark()
    ended = threading.Event()

    def slow_down():
        while not ended.is_set():
            server.client().execute_command("DEBUG", "SLEEP", "0.4")

    thread = threading.Thread(target=slow_down, daemon=True)
    thread.start()
    watcher.wait_event("slow", "sessions", mark)
    assert watcher.endpoint("sessions")["up"]
    watcher.wait_probes("sessions", 4)
    ended.set()
    thread.join()
    wait_until(lambda: watcher.endpoint("sessions")["condition"] == "ok", "end of the slowness")
    assert set(watcher.path("sessions", mark)) <= {"slow", "ok"}
    assert watcher.disconnects("sessions") == {}
