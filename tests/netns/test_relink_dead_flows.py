# SPDX-License-Identifier: Apache-2.0
"""Flows that die without a word: the applications' dead connections are ended, and no others.

test_the_applications.py shows that none of these applications would heal by itself.
"""

import time

import pytest
from application import APP_UID, CLIENTS, Untouched, client_ids
from collector import wait_until
from lab import app, endpoint
from relinks import Relinks

NAME = "sessions"
APP = "checkout"
PORT = 6379
DESTROY = "destroy-sockets"
# The bench measures how fast it is. This is only far below what the kernel takes (15 minutes), and
# below min_interval, which holds nothing that is proven dead.
BOUND = 15.0
# TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT (tcp(7))
KEEPALIVE = {"socket_keepalive": True, "socket_keepalive_options": {4: 1, 5: 1, 6: 5}}


@pytest.fixture
def server(lab):
    return lab.redis()


def watch(lab, server, *apps, **options):
    """relinkd on the server, by default with one app that it may do everything for."""
    watcher = lab.watch_until_ok(
        endpoint(NAME, server.url()), apps=apps or [app(APP, NAME)], **options
    )
    return watcher, Relinks(watcher, APP, NAME)


def watch_flows(lab, *applications):
    """The ports of relinkd's own connections."""
    theirs = {port for one in applications for port in one.ports()}
    return [port for port in lab.faults.flows(PORT) if port not in theirs]


@pytest.mark.parametrize("address", ["v4", "v6", "mapped"])
@pytest.mark.parametrize("library", CLIENTS)
def test_a_call_on_a_dropped_flow_ends_and_the_next_succeeds(lab, library, address):
    server = lab.redis(lab.address6 if address == "v6" else lab.address)
    host = f"::ffff:{lab.address}" if address == "mapped" else server.address
    watcher, relinks = watch(lab, server)
    application = lab.application(library=library)
    busy = application.connect(host=host, port=PORT).repeat("INCR", "a")
    relinks.wait_seen(application)
    [dead] = application.sockets()
    own = client_ids(server, watch_flows(lab, application))

    mark = watcher.mark()
    lab.faults.cut_flows(PORT, only=[dead.local_port])
    cut = time.monotonic()
    healed = busy.wait_success(begun_after=cut)
    print(f"{library}: the first success came {healed.at - cut:.2f} s after the cut")
    assert healed.at - cut < BOUND

    story = relinks.wait_recovered(mark)
    assert [one.event for one in story] == ["relink_decided", "relink_acted", "relink_recovered"]
    assert story[0].action == story[1].action == DESTROY
    assert relinks.counts() == {(DESTROY, "recovered"): 1}
    assert watcher.scrape().value("relinkd_relink_seconds_count", app=APP) == 1
    assert len(watcher.actuator.acted(DESTROY)) == 1
    # The dead one is gone, another took its place, and relinkd's own had nothing to do with it.
    [new] = application.sockets()
    assert new.identity != dead.identity
    assert watcher.course(NAME, mark) == []
    assert client_ids(server, own) == own


def test_a_dead_flow_of_relinkd_says_nothing_of_an_apps(lab, server):
    watcher, relinks = watch(lab, server)
    application = lab.application()
    busy = application.to(server).repeat("INCR", "a")
    application.pool(server, 3)
    relinks.wait_seen(application)
    untouched = Untouched(application, server)

    mark = watcher.mark()
    lab.faults.cut_flows(PORT, only=watch_flows(lab, application))
    watcher.wait_event("half_open", NAME, mark)
    watcher.wait_event("ok", NAME, mark)
    # Beyond every wait before an action that might have been decided.
    watcher.wait_probes(NAME, 4)
    busy.wait_success(time.monotonic())
    untouched.check()
    assert busy.failures() == []
    relinks.assert_nothing_was_done()


def use_one_a_second(pool):
    """The calls, each with the client that makes it."""
    calls = []
    for client in pool:
        calls.append(client.call("PING"))
        time.sleep(1)
    return calls


def test_a_forgotten_pool_goes_with_its_first_connection_that_is_found_dead(lab, server):
    # Else the kernel might end those that idle before relinkd does.
    watcher, relinks = watch(lab, server, app(APP, NAME, protect=False))
    application = lab.application()
    pool = application.pool(server, 20)
    relinks.wait_seen(application)
    before = {one.identity for one in application.sockets()}
    assert len(before) == 20

    # Pools give out the one that was used last: the others have been silent longer.
    *others, last = pool
    last.call("PING").end()
    lab.faults.cut_flows(PORT, only=application.ports())
    call = last.call("PING")
    assert call.end().at - call.began < BOUND
    # The others have not been used, so that only their silence speaks against them.
    wait_until(
        lambda: not before & {one.identity for one in application.sockets()}, "end of all 20"
    )
    relinks.wait_recovered()
    # Now none of them makes anybody wait.
    for call in use_one_a_second(others):
        assert call.end().ok
    assert set(relinks.counts()) == {(DESTROY, "recovered")}
    assert relinks.ended() == 20


def test_without_idle_siblings_each_is_healed_as_it_is_used(lab, server):
    watcher, relinks = watch(lab, server, app(APP, NAME, idle_siblings=False, protect=False))
    application = lab.application()
    pool = application.pool(server, 20)
    relinks.wait_seen(application)
    [*identities] = [one.identity for one in application.sockets()]

    lab.faults.cut_flows(PORT, only=application.ports())
    calls = use_one_a_second(pool[:10])
    for call in calls:
        # Ten in a row, and none waits for min_interval, which is a minute.
        assert call.end().at - call.began < BOUND
    # The last one's recovery may still be looked for; and nobody has touched those not used yet.
    used = {c.name for c in pool[:10]}
    left = {one.identity for one in application.sockets()} & set(identities)
    assert len(left) == 20 - len(used)
    calls = use_one_a_second(pool[10:])
    for call in calls:
        assert call.end().at - call.began < BOUND
    wait_until(lambda: set(relinks.counts()) == {(DESTROY, "recovered")}, "recovery")
    assert "min_interval" not in relinks.suppressed()
    assert len(watcher.actuator.acted(DESTROY)) == 20


def test_a_quiet_subscriber_and_a_worker_beside_a_dead_connection_are_untouched(lab, server):
    watcher, relinks = watch(lab, server)
    dying, quiet = lab.application(), lab.application()
    busy = dying.to(server).repeat("INCR", "a")
    subscriber = quiet.to(server, **KEEPALIVE).listen("news")
    job = quiet.to(server, **KEEPALIVE).call("BLPOP", "jobs", 0)
    wait_until(lambda: len(quiet.ports()) == 2, "both connections")
    relinks.wait_seen(dying, quiet)
    untouched = Untouched(quiet, server)

    mark = watcher.mark()
    lab.faults.cut_flows(PORT, only=dying.ports())
    busy.wait_success(begun_after=time.monotonic())
    relinks.wait_recovered(mark)
    # Beyond `spread`, which is what siblings of a dead one would be given.
    watcher.wait_probes(NAME, 5)
    untouched.check()
    assert len(watcher.actuator.acted(DESTROY)) == 1
    server.client().publish("news", "hello")
    server.client().rpush("jobs", "work")
    quiet.wait("message", subscriber.name, value="hello")
    assert job.value() == ["jobs", "work"]


def test_an_idle_pool_without_any_connection_has_recovered_and_the_ladder_stops(lab, server):
    ladder = [DESTROY, "signal:SIGUSR1"]
    watcher, relinks = watch(lab, server, app(APP, NAME, actions=ladder))
    application = lab.application(catches=["SIGUSR1"])
    [client] = application.pool(server, 1)
    relinks.wait_seen(application)

    lab.faults.cut_flows(PORT, only=application.ports())
    assert not client.call("PING").end().ok
    assert application.sockets() == []
    relinks.wait_recovered()
    assert relinks.counts() == {(DESTROY, "recovered"): 1}
    watcher.wait_probes(NAME, 4)
    assert not any(one.event == "signal" for one in application.reports.all())
    assert watcher.actuator.acted("signal") == []


def test_only_what_matches_is_touched(lab, server):
    """The other's sockets are as dead, and hang on: same user and another cgroup; same cgroup and a
    port that is none of the endpoint's."""
    elsewhere = lab.redis(port=PORT + 1)
    _, relinks = watch(lab, server)
    application, other = lab.application(), lab.application("billing.service")
    mine = application.to(server).repeat("INCR", "a")
    others = other.to(server).repeat("INCR", "b")
    far = application.to(elsewhere).repeat("INCR", "c")
    relinks.wait_seen(application)
    others_before, far_before = other.sockets(), application.sockets(PORT + 1)

    lab.faults.cut_flows(PORT, only=[*application.ports(), *other.ports()])
    lab.faults.cut_flows(PORT + 1)
    mine.wait_success(begun_after=time.monotonic())
    relinks.wait_recovered()
    for client in (others, far):
        client.wait_hanging(5)
    assert other.sockets() == others_before
    assert application.sockets(PORT + 1) == far_before


def test_an_app_can_be_matched_by_its_user_alone(lab, server):
    settings = {"match": {"user": str(APP_UID + 1)}}
    _, relinks = watch(lab, server, app(APP, NAME, **settings))
    # The same cgroup does not help the other.
    application, other = lab.application(uid=APP_UID + 1), lab.application()
    mine = application.to(server).repeat("INCR", "a")
    others = other.to(server).repeat("INCR", "b")
    relinks.wait_seen(application)
    before = other.sockets()
    lab.faults.cut_flows(PORT, only=[*application.ports(), *other.ports()])
    mine.wait_success(begun_after=time.monotonic())
    others.wait_hanging(5)
    assert other.sockets() == before


@pytest.mark.parametrize("how", [{"mode": "observe"}, {"apps": [app(APP, NAME, mode="observe")]}],
                         ids=["all", "app"])
def test_an_observer_decides_everything_and_does_nothing(lab, server, how):
    watcher, relinks = watch(lab, server, *how.pop("apps", []), **how)
    application = lab.application()
    busy = application.to(server).repeat("INCR", "a")
    relinks.wait_seen(application)
    before = application.sockets()
    lab.faults.cut_flows(PORT, only=application.ports())
    relinks.wait("relink_decided", action=DESTROY)
    busy.wait_hanging(5)
    assert [one.identity for one in application.sockets()] == [one.identity for one in before]
    assert relinks.counts() == {(DESTROY, "would"): 1}
    assert watcher.actuator.acted() == []


def test_a_pause_stops_all_actions_and_its_end_lets_them_go_on(lab, server):
    watcher, relinks = watch(lab, server)
    application = lab.application()
    busy = application.to(server).repeat("INCR", "a")
    relinks.wait_seen(application)
    assert watcher.relinkctl("pause").returncode == 0
    lab.faults.cut_flows(PORT, only=application.ports())
    relinks.wait("relink_held")
    busy.wait_hanging(5)
    assert relinks.suppressed() == {"paused": 1}
    assert watcher.actuator.acted() == []
    mark = time.monotonic()
    assert watcher.relinkctl("resume").returncode == 0
    busy.wait_success(begun_after=mark)
    relinks.wait_recovered()


def test_processes_out_of_sight_are_counted_and_said(lab, server):
    watcher, relinks = watch(lab, server)
    hidden = lab.application(namespace=lab.server)
    hidden.to(server).repeat("INCR", "a")
    watcher.wait_event("app_out_of_sight", app=APP)
    assert watcher.scrape().value("relinkd_app_other_netns", app=APP) == 1
    assert relinks.view()["other_netns"] == 1
    assert relinks.sockets() == {}
    hidden.close()
    wait_until(
        lambda: watcher.scrape().value("relinkd_app_other_netns", app=APP) == 0, "end of it"
    )


def test_unprotected_connections_are_told_with_how_long_they_would_hang(lab, server):
    watcher, relinks = watch(lab, server, app(APP, NAME, protect=False))
    application = lab.application()
    application.pool(server, 3)
    application.to(server, **KEEPALIVE).listen("news")
    relinks.wait_seen(application)

    def unprotected():
        return watcher.scrape().value(
            "relinkd_app_unprotected_sockets", app=APP, endpoint=NAME
        )

    wait_until(lambda: unprotected() == 3, "three connections without keepalive")
    [of_endpoint] = relinks.view()["endpoints"]
    assert (of_endpoint["sockets"], of_endpoint["unprotected"]) == (4, 3)
    give_up = watcher.scrape().value("relinkd_tcp_give_up_seconds")
    assert "checkout" in watcher.relinkctl("apps", APP).stdout
    listed = [one for one in of_endpoint["listed"] if one["unprotected"]]
    assert len(listed) == 3
    assert all(abs(one["hangs_seconds"] - give_up) < 1 for one in listed), listed
