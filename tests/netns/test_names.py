# SPDX-License-Identifier: Apache-2.0
"""Names: followed when they move, missed when they fail, and never waited for."""

import pathlib
import statistics
import time

import pytest
from lab import Lab, endpoint
from name_server import Record
from watcher import wait_until

NAME = "sessions"
HOST = "redis.test"
URL = f"redis://{HOST}:6379"


@pytest.fixture
def names(lab):
    server = lab.name_server()
    server.set_address(HOST, Lab.address)
    return server


def dns_changes(watcher):
    return watcher.scrape().value("relinkd_dns_changes_total", endpoint=NAME)


def test_a_name_is_watched_at_its_address(lab, names):
    lab.redis()
    watcher = lab.watch_until_ok(endpoint(NAME, URL))
    status = watcher.endpoint(NAME)
    assert [node["node"] for node in status["nodes"]] == [f"{Lab.address}:6379"]
    assert len(status["addresses"]) == 1
    assert Lab.address in status["addresses"][0]
    assert dns_changes(watcher) == 0


def test_a_name_with_an_ipv6_address(lab, names):
    lab.redis(Lab.address6)
    names.set_address(HOST, Lab.address6)
    lab.watch_until_ok(endpoint(NAME, URL))


def test_of_several_addresses_one_that_answers_is_used(lab, names):
    lab.redis(Lab.other_address)
    names.set_address(HOST, Lab.address, Lab.other_address)
    watcher = lab.watch_until_ok(endpoint(NAME, URL))
    assert len(watcher.endpoint(NAME)["addresses"]) == 2
    assert dns_changes(watcher) == 0


def test_a_name_that_does_not_resolve_and_then_does(lab, names):
    names.set(HOST)
    lab.redis()
    watcher = lab.watch(endpoint(NAME, URL))
    found = watcher.wait_event("dns_failed", NAME)
    assert HOST in found.message
    assert watcher.endpoint(NAME)["condition"] == "dns_failed"
    failed = watcher.scrape().value("relinkd_reconnects_total", endpoint=NAME, result="dns")
    assert failed >= 1
    names.set_address(HOST, Lab.address)
    watcher.wait_event("ok", NAME)


def by_address(names):
    names.set_address(HOST, Lab.other_address)


def by_cname(names):
    names.set_address("second.test", Lab.other_address, ttl=300)
    names.set(HOST, Record("CNAME", "second.test", 1))


@pytest.mark.parametrize("move", [by_address, by_cname])
def test_a_name_that_moves_is_followed(lab, names, move):
    first, second = lab.redis(), lab.redis(Lab.other_address)
    names.set_address("first.test", Lab.address, ttl=300)
    names.set(HOST, Record("CNAME", "first.test", 1))
    watcher = lab.watch_until_ok(endpoint(NAME, URL))
    assert first.watchers()
    mark = watcher.mark()
    move(names)
    watcher.wait_event("dns_changed", NAME, mark)
    wait_until(lambda: second.watchers() and not first.watchers(), "move to the new address")
    wait_until(
        lambda: [n["node"] for n in watcher.endpoint(NAME)["nodes"]] == [second.host_port],
        "status of the new node",
    )
    watcher.wait_probes(NAME, 2)
    assert dns_changes(watcher) == 1
    # The old server was left, it was not lost.
    assert watcher.course(NAME, mark) == []
    assert watcher.disconnects(NAME).keys() == {"moved"}
    # Another server is no restart of the old one.
    scrape = watcher.scrape()
    assert scrape.value("relinkd_failovers_total", endpoint=NAME, kind="restart") == 0
    nodes = scrape.matching("relinkd_node_up", endpoint=NAME)
    assert [dict(k)["node"] for k in nodes] == [second.host_port]


def test_a_name_that_moves_away_from_a_dead_server_is_followed(lab, names):
    lab.redis()
    second = lab.redis(Lab.other_address)
    names.set_address(HOST, Lab.address, ttl=60)
    watcher = lab.watch_until_ok(endpoint(NAME, URL))
    mark = watcher.mark()
    # Within the TTL, so only the failure makes relinkd ask again.
    names.set_address(HOST, Lab.other_address, ttl=60)
    lab.faults.drop_requests(Lab.address)
    watcher.wait_event("ok", NAME, mark)
    assert second.watchers()
    assert dns_changes(watcher) == 1


def test_a_name_server_that_is_gone_leaves_the_last_addresses_watched(lab, names):
    lab.redis()
    watcher = lab.watch_until_ok(endpoint(NAME, URL))
    mark = watcher.mark()
    names.silent = True
    watcher.wait_event("dns_failing", NAME, mark)
    silent_since = time.time()
    watcher.wait_probes(NAME, 10)
    assert watcher.course(NAME, mark) == []
    assert watcher.disconnects(NAME) == {}
    # The loop waits for no name: PINGs go on at their pace.
    probes = [p.time for p in lab.tap.packets(6379, since=silent_since) if p.payload]
    gaps = [later - earlier for earlier, later in zip(probes, probes[1:])]
    # A query goes unanswered nearly all the time here, so a loop that waits would show in most.
    assert statistics.median(gaps) < 2
    assert dns_changes(watcher) == 0


def test_neither_name_nor_server(lab, names):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint(NAME, URL))
    mark = watcher.mark()
    names.silent = True
    server.kill()
    watcher.wait_event("dns_failed", NAME, mark)
    # The last address stays watched: the server is found before the name is.
    server.start()
    watcher.wait_event("ok", NAME, mark)


def test_a_name_server_that_fails_is_like_one_that_is_gone(lab, names):
    lab.redis()
    watcher = lab.watch_until_ok(endpoint(NAME, URL))
    mark = watcher.mark()
    names.failing = True
    watcher.wait_event("dns_failing", NAME, mark)
    watcher.wait_probes(NAME, 3)
    assert watcher.course(NAME, mark) == []


def test_another_name_server_in_resolv_conf_is_asked(lab, names):
    lab.redis()
    Lab.write_resolv_conf("198.18.0.99")  # nobody there
    watcher = lab.watch(endpoint(NAME, URL))
    watcher.wait_event("dns_failed", NAME)
    Lab.write_resolv_conf(Lab.name_server_address)
    watcher.wait_event("ok", NAME)


def test_etc_hosts_is_honoured(lab, names):
    lab.redis()
    hosts = pathlib.Path("/etc/hosts")
    before = hosts.read_text()
    try:
        hosts.write_text(f"{before}\n{Lab.address} only-in-hosts.test\n")
        lab.watch_until_ok(endpoint(NAME, "redis://only-in-hosts.test:6379"))
    finally:
        hosts.write_text(before)
