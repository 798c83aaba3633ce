# SPDX-License-Identifier: Apache-2.0
"""What the server does to its connections, and says of itself: every end has a cause."""

import signal
import time

import pytest
from lab import Lab, endpoint
from peers import replies

PORT = 6379


def kill_watchers(server):
    """CLIENT KILL of what comes over the port; the tests' own connection stays."""
    for connection in server.watchers():
        server.client().client_kill_filter(_id=connection["id"])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "shut-down"])
def test_a_server_that_ends_and_starts_again(lab, how):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    mark = watcher.mark()
    server.kill(how)
    watcher.wait_course("sessions", {"peer_closed", "reset"}, "refused", since=mark)
    scrape = watcher.scrape()
    assert scrape.value("relinkd_endpoint_up", endpoint="sessions") == 0
    assert scrape.value("relinkd_incidents_open", endpoint="sessions") == 1
    # Let some attempts be refused.
    time.sleep(2)
    server.start()
    watcher.wait_course("sessions", {"peer_closed", "reset"}, "refused", "ok", since=mark)
    watcher.wait_event("server_restarted", "sessions", mark)
    assert watcher.disconnects("sessions").keys() <= {"peer_closed", "reset", "shutdown"}
    scrape = watcher.scrape()
    assert scrape.value("relinkd_failovers_total", endpoint="sessions", kind="restart") == 1
    for kind in ("failover", "switchover", "dns"):
        assert scrape.value("relinkd_failovers_total", endpoint="sessions", kind=kind) == 0
    assert scrape.value("relinkd_failover_seconds_count", kind="restart") == 1
    last = scrape.value("relinkd_last_failover_timestamp_seconds", endpoint="sessions")
    assert abs(last - time.time()) < 60
    took = scrape.value("relinkd_last_failover_duration_seconds", endpoint="sessions")
    assert 2 <= took < 60
    assert scrape.value("relinkd_incidents_open", endpoint="sessions") == 0
    refused = scrape.value("relinkd_reconnects_total", endpoint="sessions", result="refused")
    assert refused >= 1


def test_a_server_that_is_back_at_once_was_restarted(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    mark = watcher.mark()
    server.restart()
    watcher.wait_event("server_restarted", "sessions", mark)
    watcher.wait_event("ok", "sessions", mark)
    assert set(watcher.course("sessions", mark)) <= {"peer_closed", "reset", "refused", "ok"}
    restarts = watcher.scrape().value(
        "relinkd_failovers_total", endpoint="sessions", kind="restart"
    )
    assert restarts == 1


def test_a_refusing_server_is_not_stormed(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    mark = watcher.mark()
    killed = server.kill()
    watcher.wait_event("refused", "sessions", mark)
    time.sleep(10)
    # Exponential back-off with full jitter from 100 ms, twice (the idle watch has its own): about
    # 14 attempts in 10 s. Without back-off it would be hundreds.
    assert len(lab.tap.connects(PORT, since=killed)) <= 40


def test_client_kill_is_named_as_the_cause(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    mark = watcher.mark()
    kill_watchers(server)
    watcher.wait_disconnected("sessions", "killed", mark)
    watcher.wait_course("sessions", {"peer_closed", "reset"}, "ok", since=mark)
    assert watcher.disconnects("sessions").keys() == {"killed"}


def test_a_server_at_maxclients_is_named_as_the_cause(lab):
    server = lab.redis()
    server.client().config_set("maxclients", 4)
    hogs = [lab.server.connect(Lab.address, PORT) for _ in range(4)]
    watcher = lab.watch(endpoint("sessions", server.url()))
    ended = watcher.wait_disconnected("sessions", "max_clients")
    assert "max number of clients" in ended.message
    assert watcher.endpoint("sessions")["condition"] != "ok"
    for hog in hogs:
        hog.close()
    watcher.wait_event("ok", "sessions")


@pytest.mark.parametrize(
    ("answer", "condition"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", "loading"),
        (b"-BUSY Redis is busy running a script.\r\n", "busy"),
        (b"-MASTERDOWN Link with MASTER is down\r\n", "master_down"),
    ],
)
def test_what_a_server_says_of_itself_is_its_condition(lab, answer, condition):
    state = {"answer": answer}
    lab.peer(replies(lambda request: state["answer"] * max(1, request.count(b"*"))))
    watcher = lab.watch(endpoint("sessions", f"redis://{Lab.address}:{PORT}"))
    watcher.wait_event(condition, "sessions")
    assert not watcher.endpoint("sessions")["up"]
    state["answer"] = b"+PONG\r\n"
    watcher.wait_event("ok", "sessions")
    assert watcher.disconnects("sessions") == {}


def test_a_replica_without_its_primary_that_may_not_answer_is_master_down(lab):
    server = lab.redis(replica_serve_stale_data="no")
    watcher = lab.watch_until_ok(endpoint("sessions", server.url(), expect="any"))
    mark = watcher.mark()
    server.client().replicaof(Lab.address, 1)
    watcher.wait_course("sessions", "master_down", since=mark)
    server.client().replicaof("NO", "ONE")
    watcher.wait_course("sessions", "master_down", "ok", since=mark)


def test_a_replica_where_a_primary_is_expected_is_read_only(lab):
    primary, replica = lab.redis(), lab.redis(lab.other_address)
    replica.client().replicaof(primary.address, PORT)
    watcher = lab.watch(
        endpoint("sessions", replica.url()),
        endpoint("any", replica.url(), expect="any"),
        endpoint("reader", replica.url(), expect="replica"),
    )
    watcher.wait_event("read_only", "sessions")
    for name in ("any", "reader"):
        watcher.wait_event("ok", name)
    scrape = watcher.scrape()
    assert scrape.value("relinkd_endpoint_up", endpoint="sessions") == 0
    assert scrape.value("relinkd_endpoint_up", endpoint="any") == 1
    assert scrape.value("relinkd_endpoint_up", endpoint="reader") == 1
    for name in ("sessions", "any", "reader"):
        node = {"endpoint": name, "node": replica.host_port}
        assert scrape.value("relinkd_node_role", role="replica", **node) == 1
        assert scrape.value("relinkd_node_role", role="primary", **node) == 0
    # Promoted: the next look at the topology tells.
    mark = watcher.mark()
    replica.client().replicaof("NO", "ONE")
    watcher.wait_event("ok", "sessions", mark)
    assert set(watcher.path("sessions", mark)) <= {"ok", "slow"}
    assert watcher.course("any", mark) == []


def test_a_primary_that_is_demoted_becomes_read_only(lab):
    first, second = lab.redis(), lab.redis(lab.other_address)
    watcher = lab.watch_until_ok(
        endpoint("sessions", first.url()), watch={"topology_interval": "1s"}
    )
    mark = watcher.mark()
    first.client().replicaof(second.address, PORT)
    found = watcher.wait_event("read_only", "sessions", mark)
    assert "replica" in found.message
    first.client().replicaof("NO", "ONE")
    watcher.wait_event("ok", "sessions", mark)
