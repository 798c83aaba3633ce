# SPDX-License-Identifier: Apache-2.0
"""Announced maintenance (the channel AzureRedisEvents): a hint, counted and marked, never proof."""

import datetime
import random

import pytest
from group import ReplicationGroup
from lab import endpoint
from watcher import wait_until

NAME = "sessions"
CHANNEL = "AzureRedisEvents"
WATCH = {"topology_interval": "1s", "backoff": {"initial": "100ms", "max": "1s"}}
TYPES = {
    "NodeMaintenanceScheduled": "scheduled",
    "NodeMaintenanceStarting": "starting",
    "NodeMaintenanceStart": "start",
    "NodeMaintenanceFailoverComplete": "failover_complete",
    "NodeMaintenanceFailover": "failover_complete",
    "NodeMaintenanceEnded": "ended",
    "NodeMaintenanceScaleComplete": "scale_complete",
    "SomethingNew": "other",
}
# One notice in the forms that were seen, or may be.
FORMS = {
    "as documented": "NotificationType|{kind}|StartTimeInUTC|{time}|IsReplica|False"
    "|IPAddress|{address}|SSLPort|15001|NonSSLPort|6379",
    "as in code": "NotificationType|{kind}|StartTimeUtc|{time}|IsReplica|False"
    "|IpAddress|{address}|SSLPort|15001|NonSSLPort|6379",
    "in another order": "NonSSLPort|6379|IPAddress|{address}|NotificationType|{kind}"
    "|IsReplica|True|StartTimeInUTC|{time}",
    "with unknown keys": "Colour|blue|NotificationType|{kind}|Size||StartTimeInUTC|{time}",
    "with a dangling key": "NotificationType|{kind}|StartTimeInUTC|{time}|IsReplica",
    "with the type alone": "NotificationType|{kind}",
    "with values that are none": "NotificationType|{kind}|StartTimeInUTC|soon|IsReplica|perhaps"
    "|IPAddress|?|SSLPort|-1|NonSSLPort|99999999999",
}


@pytest.fixture
def server(lab):
    return lab.redis()


@pytest.fixture
def watcher(lab, server):
    made = lab.watch_until_ok(endpoint(NAME, server.url(), announcements=True), watch=WATCH)
    wait_subscribed(server)
    return made


def wait_subscribed(server):
    wait_until(lambda: server.client().pubsub_numsub(CHANNEL)[0][1] >= 1, "subscription")


def announce(server, text):
    """The text, or a notice of this type in the form that is documented."""
    text = notice(server, text) if text in TYPES else text
    assert server.client().publish(CHANNEL, text) >= 1


def notice(server, kind, form="as documented"):
    start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=20)
    return FORMS[form].format(kind=kind, time=f"{start:%Y-%m-%dT%H:%M:%S}", address=server.address)


def counted(watcher):
    """maintenance_events_total by type, those above 0."""
    series = watcher.scrape().matching("relinkd_maintenance_events_total", endpoint=NAME)
    assert {dict(key)["type"] for key in series} == set(TYPES.values())
    return {dict(key)["type"]: value for key, value in series.items() if value}


def wait_counted(watcher, expected):
    wait_until(lambda: counted(watcher) == expected, f"counts {expected}")


# ------------------------------------------------------------------------------------- what is told


def test_each_type_is_told_and_counted(watcher, server):
    expected = {}
    for kind, label in TYPES.items():
        mark = watcher.mark()
        announce(server, kind)
        told = watcher.wait_event("maintenance", NAME, mark)
        assert kind in told.message
        assert server.address in told.message
        expected[label] = expected.get(label, 0) + 1
        wait_counted(watcher, expected)


def test_both_spellings_any_order_unknown_and_dangling_keys_are_understood(watcher, server):
    for number, form in enumerate(FORMS, 1):
        mark = watcher.mark()
        announce(server, notice(server, "NodeMaintenanceStarting", form))
        told = watcher.wait_event("maintenance", NAME, mark)
        assert "NodeMaintenanceStarting" in told.message
        wait_counted(watcher, {"starting": number})
    assert watcher.running


def test_the_status_tells_of_it_until_it_is_over(watcher, server):
    assert watcher.endpoint(NAME)["maintenance"] is None
    announce(server, "NodeMaintenanceStarting")
    wait_until(lambda: watcher.endpoint(NAME)["maintenance"], "announcement in the status")
    assert "maintenance" in watcher.relinkctl("status").stdout
    announce(server, "NodeMaintenanceEnded")
    wait_until(lambda: watcher.endpoint(NAME)["maintenance"] is None, "end of the maintenance")


def test_an_announcement_alone_proves_nothing(watcher, server):
    mark = watcher.mark()
    for kind in TYPES:
        announce(server, kind)
    wait_until(lambda: sum(counted(watcher).values()) == len(TYPES), "all of them")
    watcher.wait_probes(NAME, 3)
    assert watcher.course(NAME, mark) == []
    assert watcher.failovers(NAME) == {}
    assert watcher.disconnects(NAME) == {}


def test_other_channels_are_not_listened_to(watcher, server):
    server.client().publish("SomethingElse", notice(server, "NodeMaintenanceStart"))
    announce(server, "NodeMaintenanceEnded")
    wait_counted(watcher, {"ended": 1})


def test_malformed_announcements_are_survived(watcher, server):
    mark = watcher.mark()
    chance = random.Random(3)
    words = [b"|", b"NotificationType", b"NodeMaintenanceStart", b"StartTimeInUTC", b"%s%n", b"",
             b"\x00", b"\xff", b"\x1b[31m", b"\r\n", b"2026-13-99T99:99:99", b"9" * 40, b"A" * 5000]
    for _ in range(300):
        announce(server, b"".join(chance.choices(words, k=chance.randrange(12))))
    # Longer than any announcement is, it costs the connection.
    too_long = b"|" * 100_000
    wait_until(lambda: server.client().publish(CHANNEL, too_long) >= 1, "listener")
    wait_until(lambda: server.client().publish(CHANNEL, b"|") >= 1, "next listener")
    even_longer = b"NotificationType|" + b"x" * 1_000_000
    wait_until(lambda: server.client().publish(CHANNEL, even_longer) >= 1, "third listener")
    # The last of them is understood, over the same connection or the next.
    wait_subscribed(server)
    good = notice(server, "NodeMaintenanceEnded")
    wait_until(lambda: server.client().publish(CHANNEL, good) >= 1, "listener")
    wait_until(lambda: counted(watcher).get("ended"), "understanding of a good one")
    for event in watcher.events.all(mark):
        assert event.message.isprintable(), event.message
        assert len(event.message) < 1000
    assert watcher.course(NAME, mark) == []


# ----------------------------------------------------------------------------------- whether at all


def test_nobody_listens_unless_it_is_wanted(lab, server):
    watcher = lab.watch_until_ok(endpoint(NAME, server.url()), watch=WATCH)
    watcher.wait_probes(NAME, 2)
    assert server.client().pubsub_numsub(CHANNEL)[0][1] == 0
    assert counted(watcher) == {}


def test_a_user_who_may_not_listen_is_watched_all_the_same(lab, server):
    password = lab.secret()
    server.client().acl_setuser(
        "watcher", enabled=True, passwords=["+" + password], commands=["+ping", "+role", "+info"]
    )
    watcher = lab.watch_until_ok(
        endpoint(
            NAME, server.url(user="watcher"), announcements=True,
            password={"file": lab.secret_file(password)},
        ),
        watch=WATCH,
    )
    watcher.wait_probes(NAME, 3)
    assert watcher.disconnects(NAME) == {}
    # What was refused is not asked again and again.
    refused = sum(entry["count"] for entry in server.client().acl_log())
    watcher.wait_probes(NAME, 5)
    assert sum(entry["count"] for entry in server.client().acl_log()) == refused


# ------------------------------------------------------------------------------ what it is good for


def test_a_loss_of_the_primary_that_was_announced_is_a_switchover(fabric):
    group = ReplicationGroup(fabric)
    watcher = fabric.watch_until_ok(endpoint(NAME, group.url(), announcements=True), watch=WATCH)
    old = group.primary()
    wait_subscribed(old)
    announce(old, "NodeMaintenanceStart")
    wait_counted(watcher, {"start": 1})
    mark, news = watcher.mark(), group.mark()
    old.kill()
    new = group.wait_switch(old, news).primary
    told = watcher.wait_event("failover", NAME, mark)
    assert "switchover" in told.message
    watcher.wait_primary(NAME, new.host_port)
    assert watcher.failovers(NAME) == {"switchover": 1}
    last = watcher.endpoint(NAME)["last_failover"]
    assert last["kind"] == "switchover"
    assert last["planned"]
    # Where one goes on to listen.
    wait_subscribed(new)


def test_maintenance_that_is_over_excuses_nothing(fabric):
    group = ReplicationGroup(fabric)
    watcher = fabric.watch_until_ok(endpoint(NAME, group.url(), announcements=True), watch=WATCH)
    old = group.primary()
    wait_subscribed(old)
    announce(old, "NodeMaintenanceStart")
    announce(old, "NodeMaintenanceEnded")
    wait_counted(watcher, {"start": 1, "ended": 1})
    # It is well after the maintenance.
    watcher.wait_probes(NAME, 2)
    mark = watcher.mark()
    old.kill()
    watcher.wait_event("failover", NAME, mark)
    assert watcher.failovers(NAME) == {"failover": 1}


def test_a_restart_that_was_announced_is_marked_as_planned(watcher, server):
    announce(server, "NodeMaintenanceStart")
    wait_counted(watcher, {"start": 1})
    mark = watcher.mark()
    server.restart()
    watcher.wait_event("server_restarted", NAME, mark)
    watcher.wait_event("ok", NAME, mark)
    wait_until(lambda: watcher.endpoint(NAME)["last_failover"], "the restart in the status")
    assert watcher.endpoint(NAME)["last_failover"]["planned"]
    assert watcher.failovers(NAME) == {"restart": 1}
