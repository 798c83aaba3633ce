# SPDX-License-Identifier: Apache-2.0
"""Nothing gets through: unreachable, or this host's own fault where the evidence says so."""

import contextlib

import pytest
from lab import Lab, endpoint

PORT = 6379


def drop_requests(lab):
    lab.faults.drop_requests()


def drop_replies(lab):
    lab.faults.drop_replies(PORT)


def reject_by_icmp(lab):
    lab.faults.reject_by_icmp(PORT)


def lose_the_host(lab):
    lab.faults.take_address(Lab.address)


@pytest.mark.parametrize("fault", [drop_requests, drop_replies, reject_by_icmp, lose_the_host])
def test_a_server_that_nothing_reaches_is_unreachable_until_it_is_back(lab, fault):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    mark = watcher.mark()
    fault(lab)
    watcher.wait_course("sessions", "unreachable", since=mark)
    status = watcher.endpoint("sessions")
    assert status["condition"] == "unreachable"
    assert not status["up"]
    assert status["incident"]
    lab.faults.repair()
    if fault is lose_the_host:
        lab.faults.return_address(Lab.address)
    watcher.wait_course("sessions", "unreachable", "ok", since=mark)
    scrape = watcher.scrape()
    for never in ("half_open", "local_fault", "stalled"):
        assert scrape.value("relinkd_conditions_total", endpoint="sessions", condition=never) == 0
    assert scrape.value("relinkd_incidents_open", endpoint="sessions") == 0


def test_an_unreachable_server_is_not_stormed(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    mark = watcher.mark()
    cut = lab.faults.drop_requests()
    watcher.wait_course("sessions", "unreachable", since=mark)
    watcher.wait_event("unreachable", "sessions", mark)
    # connect_timeout is 5 s and the back-off grows: in 20 s a handful of attempts.
    with contextlib.suppress(AssertionError):
        watcher.events.wait(lambda e: e.event == "ok", "recovery", watcher.mark(), patience=20)
    assert len(lab.tap.connects(PORT, since=cut)) <= 16
    lab.faults.repair()
    watcher.wait_course("sessions", "unreachable", "ok", since=mark)


def test_one_of_two_servers_that_is_lost_is_unreachable(lab):
    first, second = lab.redis(), lab.redis(lab.other_address)
    watcher = lab.watch_until_ok(
        endpoint("sessions", first.url()), endpoint("orders", second.url())
    )
    mark = watcher.mark()
    lab.faults.drop_requests(Lab.address)
    watcher.wait_course("sessions", "unreachable", since=mark)
    lab.faults.repair()
    watcher.wait_course("sessions", "unreachable", "ok", since=mark)
    assert watcher.course("orders", mark) == []


# ------------------------------------------------------------------------------ this host's fault


def test_two_servers_lost_at_once_are_this_hosts_fault(lab):
    first, second = lab.redis(), lab.redis(lab.other_address)
    watcher = lab.watch_until_ok(
        endpoint("sessions", first.url()), endpoint("orders", second.url())
    )
    mark = watcher.mark()
    lab.faults.drop_requests()
    # The first of them may be called unreachable until the second one is lost too.
    for name in ("sessions", "orders"):
        watcher.wait_event("local_fault", name, mark)
        assert set(watcher.course(name, mark)) <= {"unreachable", "local_fault"}
    lab.faults.repair()
    for name in ("sessions", "orders"):
        watcher.wait_event("ok", name, mark)
        assert watcher.course(name, mark)[-2:] == ["local_fault", "ok"]


@pytest.mark.parametrize("count", [1, 2], ids=["one-endpoint", "two-endpoints"])
def test_the_hosts_own_link_down_is_this_hosts_fault(lab, count):
    servers = [lab.redis(), lab.redis(lab.other_address)][:count]
    names = ["sessions", "orders"][:count]
    watcher = lab.watch_until_ok(*(endpoint(n, s.url()) for n, s in zip(names, servers)))
    mark = watcher.mark()
    lab.faults.client_link("down")
    for name in names:
        watcher.wait_course(name, "local_fault", since=mark)
    lab.faults.client_link("up")
    for name in names:
        watcher.wait_course(name, "local_fault", "ok", since=mark)


def test_no_descriptor_left_is_this_hosts_fault(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    mark = watcher.mark()
    with watcher.unscraped():
        watcher.limit_descriptors(3)
        server.client().client_kill_filter(_type="normal", skipme=True)
        # The connection is gone, and there is no descriptor for another.
        found = watcher.wait_event("local_fault", "sessions", mark)
        print(found.message)
        watcher.limit_descriptors(1024)
    watcher.wait_event("ok", "sessions", mark)
    course = watcher.course("sessions", mark)
    assert course in (["peer_closed", "local_fault", "ok"], ["local_fault", "ok"]), course
    results = watcher.scrape().matching("relinkd_reconnects_total", result="local_fault")
    assert sum(results.values()) >= 1


def test_no_port_left_is_this_hosts_fault(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    watched = [int(c["addr"].rpartition(":")[2]) for c in server.watchers()]
    mark = watcher.mark()
    # Scrapes need ports, too.
    with watcher.unscraped():
        lab.client.set_sysctl("net.ipv4.ip_local_port_range", "40000 40007")
        taken = []
        with contextlib.suppress(OSError):
            while True:
                taken.append(lab.client.connect(Lab.address, PORT))
        assert taken
        lab.faults.cut_flows(PORT, only=watched)
        found = watcher.wait_event("local_fault", "sessions", mark)
        print(found.message)
        # Ports that were closed rest for a minute: there have to be others.
        lab.client.set_sysctl("net.ipv4.ip_local_port_range", "32768 60999")
        watcher.wait_event("ok", "sessions", mark)
    for connection in taken:
        connection.close()
    # Without a witness nothing is known of the path.
    assert watcher.course("sessions", mark)[0] == "local_fault"
