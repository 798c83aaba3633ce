# SPDX-License-Identifier: Apache-2.0
"""A connection dies without a word while its server is alive: half_open, soon, and nothing else."""

import pytest
from lab import Lab, endpoint

PORT = 6379


def assert_told(watcher, name, cut, since):
    """What has to be told of a dead flow on a living path."""
    found = watcher.wait_event("half_open", name, since)
    print(f"{name}: half-open {found.when - cut:.2f} s after the cut: {found.message}")
    assert found.incident
    # What was seen, in figures.
    assert "unanswered for" in found.message
    assert "unacknowledged" in found.message
    ended = watcher.wait_disconnected(name, "half_open", since)
    assert ended.incident == found.incident
    watcher.wait_course(name, "half_open", "ok", since=since)
    assert watcher.disconnects(name)["half_open"] == 1
    scrape = watcher.scrape()
    assert scrape.value("relinkd_conditions_total", endpoint=name, condition="half_open") == 1
    assert scrape.value("relinkd_conditions_total", endpoint=name, condition="local_fault") == 0
    assert scrape.value("relinkd_endpoint_up", endpoint=name) == 1
    assert scrape.value("relinkd_incidents_open", endpoint=name) == 0


@pytest.mark.parametrize("address", [Lab.address, Lab.address6], ids=["ipv4", "ipv6"])
def test_a_cut_flow_is_found_and_replaced(lab, address):
    server = lab.redis(address)
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    mark = watcher.mark()
    cut = lab.faults.cut_flows(PORT)
    assert_told(watcher, "sessions", cut, mark)
    assert watcher.course("sessions", mark) == ["half_open", "ok"]
    # A witness, and the connection that replaces the dead one; the idle watch may need another.
    assert len(lab.tap.connects(PORT, since=cut)) <= 3


def test_a_cut_tls_flow_is_found_and_replaced(lab):
    authority = lab.authority()
    server = lab.redis(tls=(authority, authority.issue("redis", f"IP:{Lab.address}")))
    watcher = lab.watch_until_ok(
        endpoint("sessions", server.url("rediss"), tls={"ca_file": authority.ca_file})
    )
    mark = watcher.mark()
    cut = lab.faults.cut_flows(PORT)
    assert_told(watcher, "sessions", cut, mark)


def test_two_endpoints_whose_flows_are_cut_at_once_are_no_fault_of_this_host(lab):
    first, second = lab.redis(), lab.redis(lab.other_address, 6380)
    watcher = lab.watch_until_ok(
        endpoint("sessions", first.url()), endpoint("orders", second.url())
    )
    mark = watcher.mark()
    cut = lab.faults.cut_flows(6379, 6380)
    for name in ("sessions", "orders"):
        assert_told(watcher, name, cut, mark)
    for name in ("sessions", "orders"):
        assert watcher.course(name, mark) == ["half_open", "ok"]


def test_replies_of_one_flow_are_lost_while_new_flows_pass(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    mark = watcher.mark()
    lab.faults.cut_replies_of_flows(PORT)
    # The server's acknowledgements are lost with its replies: the flow looks dead, and is.
    watcher.wait_course("sessions", "half_open", "ok", since=mark)


def test_the_dead_leg_of_a_proxy_is_told_as_such(lab):
    server = lab.redis()
    proxy = lab.proxy(server)
    watcher = lab.watch_until_ok(endpoint("sessions", proxy.url()))
    mark = watcher.mark()
    proxy.kill_back_ends()
    found = watcher.wait_event("half_open", "sessions", mark)
    assert "proxy" in found.message
    watcher.wait_course("sessions", "half_open", "ok", since=mark)
    assert watcher.disconnects("sessions")["half_open"] == 1


def test_a_flow_cut_again_and_again_is_found_each_time(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    incidents = set()
    for _ in range(3):
        mark = watcher.mark()
        lab.faults.cut_flows(PORT)
        incidents.add(watcher.wait_event("half_open", "sessions", mark).incident)
        watcher.wait_course("sessions", "half_open", "ok", since=mark)
    assert watcher.disconnects("sessions")["half_open"] == 3
    assert len(incidents) == 3


def test_a_flow_that_is_reset_is_told_as_reset(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    mark = watcher.mark()
    lab.faults.reset_flows(PORT)
    watcher.wait_course("sessions", "reset", "ok", since=mark)
    assert watcher.disconnects("sessions").keys() == {"reset"}


def test_a_cut_is_no_finding_of_the_idle_watch(lab):
    """An outage in the midst of an idle watch says nothing of how long idle connections live."""
    server = lab.redis()
    watcher = lab.watch_until_ok(
        endpoint("sessions", server.url()), watch={"idle_watch": {"ages": ["3s", "5s"]}}
    )
    mark = watcher.mark()
    cut = lab.faults.cut_flows(PORT)
    watcher.wait_course("sessions", "half_open", "ok", since=mark)
    idle = [p for p in lab.tap.connects(PORT, since=cut)]
    assert idle
    # Beyond the time at which the idle connection that was cut too would have been probed.
    watcher.wait_probes("sessions", 8)
    assert watcher.scrape().value("relinkd_idle_cut_seconds", endpoint="sessions") == 0
