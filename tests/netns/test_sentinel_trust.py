# SPDX-License-Identifier: Apache-2.0
"""Which Sentinel is believed: what a majority of all known ones says, at the highest epoch."""

import pytest
from group import ReplicationGroup
from lab import endpoint
from watcher import wait_until

NAME = "orders"
WATCH = {"topology_interval": "1s", "backoff": {"initial": "100ms", "max": "1s"}}


@pytest.fixture
def group(fabric):
    return ReplicationGroup(fabric)


@pytest.fixture
def watcher(fabric, group):
    return fabric.watch_until_ok(endpoint(NAME, group.url()), watch=WATCH)


def sentinels(watcher):
    return {s["node"]: s["condition"] for s in watcher.endpoint(NAME)["sentinels"]}


def wait_confirmed(watcher):
    wait_until(lambda: watcher.endpoint(NAME)["confirmed"], "confirmed primary")


# ------------------------------------------------------------------------ a network divided in two


def test_a_sentinel_cut_off_with_its_old_primary_is_not_believed(fabric, group, watcher):
    """relinkd is on the side of the old primary, which is well there, and of one Sentinel."""
    old = group.primary()
    here, there = [fabric.relinkd_host, group.hosts[0]], group.hosts[1:]
    mark, news = watcher.mark(), group.mark()
    fabric.split(here, there)
    new = group.wait_switch(old, news).primary
    assert old.role() == new.role() == "primary"
    found = watcher.wait_event("topology_unconfirmed", NAME, mark)
    print(found.message)
    status = watcher.endpoint(NAME)
    assert not status["confirmed"]
    # Its own Sentinel is the one that still speaks.
    assert [s for s, c in sentinels(watcher).items() if c == "ok"] == [
        group.sentinel_beside(old).host_port
    ]
    # Nothing is known of another primary here, and nothing is made up.
    watcher.wait_probes(NAME, 2)
    assert watcher.failovers(NAME) == {}
    watcher.wait_primary(NAME, old.host_port)

    fabric.repair()
    told = watcher.wait_event("failover", NAME, mark)
    assert new.host_port in told.message
    watcher.wait_event("topology_confirmed", NAME, mark)
    watcher.wait_primary(NAME, new.host_port)
    group.wait_settled()
    watcher.wait_probes(NAME, 3)
    # Whether the old one was lost or well is a matter of which side one was on.
    assert sum(watcher.failovers(NAME).values()) == 1


@pytest.mark.parametrize("restarted", [False, True], ids=["", "after-a-restart-of-relinkd"])
def test_a_sentinel_that_missed_a_failover_is_not_believed_later(fabric, group, watcher, restarted):
    """The other side is followed first. Then only the old primary and its Sentinel are in reach."""
    old = group.primary()
    aside, others = group.hosts[0], group.hosts[1:]
    mark, news = watcher.mark(), group.mark()
    fabric.isolate(aside)
    new = group.wait_switch(old, news).primary
    watcher.wait_event("failover", NAME, mark)
    watcher.wait_primary(NAME, new.host_port)

    later = watcher.mark()
    fabric.split([fabric.relinkd_host, aside], others)
    if restarted:
        watcher.restart()
        later = 0
    watcher.wait_event("topology_unconfirmed", NAME, later)
    isolated = group.sentinel_beside(old)
    wait_until(lambda: sentinels(watcher)[isolated.host_port] == "ok", "word of that Sentinel")
    assert isolated.state(group.name)["ip"] == old.address
    assert old.role() == "primary"
    # The highest epoch that was ever seen is what counts, and a Sentinel's word alone does not.
    watcher.wait_event("unreachable", NAME, later)
    status = watcher.endpoint(NAME)
    assert not status["up"]
    assert not status["confirmed"]
    assert watcher.nodes(NAME, "primary").keys() == {new.host_port}
    before = {} if restarted else {"failover": 1}
    assert watcher.failovers(NAME) == before

    fabric.repair()
    watcher.wait_event("topology_confirmed", NAME, later)
    group.wait_settled()
    watcher.wait_primary(NAME, new.host_port)
    watcher.wait_probes(NAME, 2)
    assert watcher.failovers(NAME) == before


def test_one_known_sentinel_that_was_cut_off_before_the_start_is_not_believed(fabric, group):
    """It is the only one that the URL names, and it tells of the others itself."""
    old = group.primary()
    beside = group.sentinel_beside(old)
    news = group.mark()
    fabric.split([fabric.relinkd_host, group.hosts[0]], group.hosts[1:])
    new = group.wait_switch(old, news).primary
    watcher = fabric.watch(endpoint(NAME, group.url(beside)), watch=WATCH)
    watcher.wait_event("topology_unconfirmed", NAME)
    wait_until(lambda: len(sentinels(watcher)) == 3, "the other Sentinels' addresses")
    assert not watcher.endpoint(NAME)["confirmed"]
    fabric.repair()
    watcher.wait_event("topology_confirmed", NAME)
    watcher.wait_primary(NAME, new.host_port)


# ------------------------------------------------------------------------- Sentinels come and go


def test_sentinels_that_the_url_does_not_name_are_learnt(fabric, group):
    named, *others = reversed(group.sentinels)
    watcher = fabric.watch_until_ok(endpoint(NAME, group.url(named)), watch=WATCH)
    everyone = {s.host_port for s in group.sentinels}
    wait_until(
        lambda: sentinels(watcher) == dict.fromkeys(everyone, "ok"), "links to all Sentinels"
    )
    # They do without the one that named them.
    named.kill()
    old = group.primary()
    mark, news = watcher.mark(), group.mark()
    old.kill()
    new = group.wait_switch(old, news).primary
    watcher.wait_event("failover", NAME, mark)
    watcher.wait_primary(NAME, new.host_port)
    assert watcher.failovers(NAME) == {"failover": 1}


def test_the_loss_of_any_one_sentinel_changes_nothing(group, watcher):
    mark = watcher.mark()
    for sentinel in group.sentinels:
        sentinel.kill()
        wait_until(lambda: sentinels(watcher)[sentinel.host_port] == "refused", "loss")
        watcher.wait_probes(NAME, 1)
        assert watcher.endpoint(NAME)["confirmed"]
        sentinel.start()
        wait_until(lambda: sentinels(watcher)[sentinel.host_port] == "ok", "return")
    assert watcher.course(NAME, mark) == []
    assert watcher.failovers(NAME) == {}
    unconfirmed = [e for e in watcher.events.all(mark) if e.event == "topology_unconfirmed"]
    assert unconfirmed == []


def test_without_a_majority_the_primary_is_watched_and_unconfirmed(group, watcher):
    mark = watcher.mark()
    for sentinel in group.sentinels[1:]:
        sentinel.kill()
    watcher.wait_event("topology_unconfirmed", NAME, mark)
    status = watcher.endpoint(NAME)
    assert not status["confirmed"]
    assert status["up"]
    assert "no majority" in watcher.relinkctl("status").stdout
    for sentinel in group.sentinels[1:]:
        sentinel.start()
    watcher.wait_event("topology_confirmed", NAME, mark)
    assert watcher.endpoint(NAME)["confirmed"]
    assert watcher.course(NAME, mark) == []


def test_a_frozen_sentinel_holds_nothing_up(group, watcher):
    group.sentinels[1].freeze()
    old = group.primary()
    mark, news = watcher.mark(), group.mark()
    group.sentinels[2].failover(group.name)
    new = group.wait_switch(old, news).primary
    watcher.wait_event("failover", NAME, mark)
    watcher.wait_primary(NAME, new.host_port)
    group.sentinels[1].thaw()
    wait_until(lambda: set(sentinels(watcher).values()) == {"ok"}, "links to all Sentinels")
    assert watcher.failovers(NAME) == {"switchover": 1}


def test_a_primary_that_no_sentinel_knows_is_told(fabric, group):
    url = group.url().replace(group.name, "nobody")
    watcher = fabric.watch(endpoint(NAME, url), watch=WATCH)
    # In words that say which name.
    wait_until(lambda: "nobody" in watcher.endpoint(NAME)["topology_detail"], "word of the name")
    status = watcher.endpoint(NAME)
    assert not status["up"]
    assert not status["confirmed"]
    assert watcher.running


def test_sentinels_that_are_all_gone_are_the_endpoints_trouble(fabric):
    host = fabric.host()
    url = f"redis-sentinel://{host.address}:26379,{host.address}:26380#mymaster"
    watcher = fabric.watch(endpoint(NAME, url), watch=WATCH)
    wait_until(lambda: watcher.endpoint(NAME)["condition"] == "refused", "condition")
    status = watcher.endpoint(NAME)
    assert not status["up"]
    assert status["incident"]
    assert "Sentinel" in status["detail"]
    condition = watcher.scrape().value(
        "relinkd_endpoint_condition", endpoint=NAME, condition="refused"
    )
    assert condition == 1


# ---------------------------------------------------------------------------- users, passwords, TLS


def test_sentinels_have_credentials_of_their_own(fabric):
    nodes_password, sentinels_password = fabric.secret(), fabric.secret()
    group = ReplicationGroup(fabric, password=nodes_password)
    for sentinel in group.sentinels:
        sentinel.client().acl_setuser(
            "watcher", enabled=True, passwords=["+" + sentinels_password], channels=["*"],
            commands=["+ping", "+sentinel", "+subscribe", "+psubscribe"],
        )
    file = fabric.secret_file(sentinels_password)
    watcher = fabric.watch_until_ok(
        endpoint(
            NAME, group.url(),
            password={"file": fabric.secret_file(nodes_password)},
            sentinel={"user": "watcher", "password": {"file": file}},
        ),
        watch=WATCH,
    )
    wait_confirmed(watcher)
    for sentinel in group.sentinels:
        assert {c["user"] for c in sentinel.watchers()} == {"watcher"}
    assert {c["user"] for c in group.primary().watchers()} == {"default"}


def test_a_wrong_password_for_sentinels_is_told_at_each_of_them(fabric, group):
    for sentinel in group.sentinels:
        sentinel.client().acl_setuser(
            "watcher", enabled=True, passwords=["+" + fabric.secret()], commands=["+@all"]
        )
    file = fabric.secret_file(fabric.secret())
    watcher = fabric.watch(
        endpoint(NAME, group.url(), sentinel={"user": "watcher", "password": {"file": file}}),
        watch=WATCH,
    )
    everyone = {s.host_port for s in group.sentinels}
    wait_until(
        lambda: sentinels(watcher) == dict.fromkeys(everyone, "auth_failed"), "refusal at each"
    )
    assert not watcher.endpoint(NAME)["confirmed"]
    assert not watcher.endpoint(NAME)["up"]


@pytest.mark.parametrize("plain", [False, True], ids=["everywhere", "but-not-to-the-sentinels"])
def test_a_group_with_tls(fabric, plain):
    authority = fabric.authority()
    group = ReplicationGroup(fabric, authority=authority, plain_sentinels=plain)
    settings = {"sentinel": {"tls": False}} if plain else {}
    watcher = fabric.watch_until_ok(
        endpoint(NAME, group.url(), tls={"ca_file": authority.ca_file}, **settings), watch=WATCH
    )
    wait_confirmed(watcher)
    old = group.primary()
    mark, news = watcher.mark(), group.mark()
    old.kill()
    new = group.wait_switch(old, news).primary
    watcher.wait_event("failover", NAME, mark)
    watcher.wait_primary(NAME, new.host_port)
