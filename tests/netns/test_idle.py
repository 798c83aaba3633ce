# SPDX-License-Identifier: Apache-2.0
"""The idle watch: how long an idle connection lives on this path. A finding, not a condition."""

import time

from lab import endpoint

PORT = 6379
AGES = {"idle_watch": {"ages": ["1s", "5s", "10s"]}}


def idle_cut(watcher):
    return watcher.scrape().value("relinkd_idle_cut_seconds", endpoint="sessions")


def idle_port(server):
    """The client's port of the connection that has been silent longest."""
    oldest = max(server.watchers(), key=lambda c: int(c["idle"]))
    return int(oldest["addr"].rpartition(":")[2])


def assert_watch_undisturbed(watcher, mark):
    """The connection that is probed, and the node's condition, know nothing of it."""
    assert watcher.course("sessions", mark) == []
    assert watcher.endpoint("sessions")["incident"] is None


def test_a_server_that_closes_idle_connections(lab):
    server = lab.redis(timeout=3)
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()), watch=AGES)
    mark = watcher.mark()
    probed = min(server.watchers(), key=lambda c: int(c["idle"]))["id"]
    found = watcher.wait_event("idle_cut", "sessions")
    print(found.message)
    assert "FIN" in found.message
    watcher.wait_disconnected("sessions", "idle_timeout")
    # Redis looks at its clients once a second or so.
    assert 3 <= idle_cut(watcher) <= 5
    assert 3 <= watcher.endpoint("sessions")["idle_cut_seconds"] <= 5
    assert watcher.endpoint("sessions")["idle_cut_detail"]
    assert watcher.disconnects("sessions").keys() == {"idle_timeout"}
    assert_watch_undisturbed(watcher, mark)
    assert probed in {c["id"] for c in server.watchers()}


def test_a_middlebox_that_forgets_idle_flows_silently(lab):
    server = lab.redis()
    lab.faults.forget_idle_flows(PORT, 4)
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()), watch=AGES)
    mark = watcher.mark()
    found = watcher.wait_event("idle_cut", "sessions")
    print(found.message)
    # It survived 1 s and was gone at 5 s: the upper end is told.
    assert idle_cut(watcher) == 5
    assert "forgotten" in found.message
    assert_watch_undisturbed(watcher, mark)
    assert watcher.disconnects("sessions").keys() == {"idle_timeout"}


def test_a_middlebox_that_stops_forgetting_is_cleared(lab):
    server = lab.redis()
    lab.faults.forget_idle_flows(PORT, 2)
    watcher = lab.watch_until_ok(
        endpoint("sessions", server.url()), watch={"idle_watch": {"ages": ["1s", "3s"]}}
    )
    watcher.wait_event("idle_cut", "sessions")
    mark = watcher.mark()
    lab.faults.repair()
    watcher.wait_event("idle_cut_gone", "sessions", mark)
    assert idle_cut(watcher) == 0


def test_idle_connections_that_live_are_no_finding(lab):
    server = lab.redis()
    started = time.time()
    watcher = lab.watch_until_ok(
        endpoint("sessions", server.url()), watch={"idle_watch": {"ages": ["1s", "2s", "4s"]}}
    )
    # All ages pass, one after the other: 7 s.
    watcher.wait_probes("sessions", 9)
    assert idle_cut(watcher) == 0
    assert watcher.disconnects("sessions") == {}
    assert len(lab.tap.connects(PORT, since=started)) == 2


def test_without_ages_the_kernels_keepalive_finds_a_dead_idle_connection(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(
        endpoint("sessions", server.url()), watch={"idle_watch": "keepalive"}
    )
    watcher.wait_probes("sessions", 3)
    mark = watcher.mark()
    port = idle_port(server)
    cut = lab.faults.cut_flows(PORT, only=[port])
    ended = watcher.wait_disconnected("sessions", "keepalive_timeout", mark)
    # idle 5 s + interval 1 s × count 3, and a second.
    print(f"{ended.when - cut:.2f} s after the cut: {ended.message}")
    assert ended.when - cut <= 5 + 1 * 3 + 1
    # Nothing but keepalive was sent over it: no data.
    sent = [p for p in lab.tap.packets(PORT, since=cut) if p.source_port == port]
    assert sent
    assert all(p.payload <= 1 for p in sent)
    assert watcher.course("sessions", mark) == []
    assert watcher.disconnects("sessions") == {"keepalive_timeout": 1}


def test_an_idle_watch_that_is_off_opens_no_connection(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()), watch={"idle_watch": "off"})
    watcher.wait_probes("sessions", 3)
    assert len(lab.tap.connects(PORT)) == 1
    assert len(server.watchers()) == 1
