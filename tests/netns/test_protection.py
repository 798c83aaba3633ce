# SPDX-License-Identifier: Apache-2.0
"""Live sockets of applications are given keepalive and a user timeout, without the applications'
doing, and no others are.

test_the_applications.py shows what becomes of such connections without relinkd.
"""

import dataclasses
import itertools
import json
import time

import pytest
from application import CLIENTS, client_ids
from collector import wait_until
from lab import app, endpoint
from relinks import Relinks
from socket_options import Options, options_of, set_user_timeout

NAME = "sessions"
APP = "checkout"
PORT = 6379
OTHER_PORT = 6400
# What the endpoint is watched with, and what the app's connections get.
KEEPALIVE = {"idle": "2s", "interval": "1s", "count": 3}
WANTED = Options(keepalive=True, idle=2, interval=1, count=3, user_timeout=5000)
NOTICED = 5.0  # idle + interval × count
# For processes of a loaded machine to hear of it and to act.
SLACK = 4.0
STRICTER = {
    "socket_keepalive": True,
    # TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT (tcp(7))
    "socket_keepalive_options": {4: 1, 5: 1, 6: 2},
}


@pytest.fixture
def server(lab):
    return lab.redis()


class Tuning:
    """The app's sockets to the endpoint, as `relinkctl tune show` has them."""

    def __init__(self, watcher, name=APP):
        self._watcher = watcher
        self._name = name

    def app(self) -> dict:
        done = self._watcher.relinkctl("tune", "show", "--json", self._name)
        assert done.returncode == 0, done.stderr
        [found] = json.loads(done.stdout)["apps"]
        return found

    def sockets(self) -> dict:
        [one] = self.app()["endpoints"]
        return {key: one[key] for key in ("sockets", "strict", "tuned", "loose", "unseen")}

    def wait(self, **counts: int) -> None:
        wanted = {"sockets": 0, "strict": 0, "tuned": 0, "loose": 0, "unseen": 0} | counts
        wanted["sockets"] = sum(counts.values())
        wait_until(lambda: self.sockets() == wanted, f"{self._name}: {wanted}")


def watch(lab, server, *apps, **options):
    return lab.watch_until_ok(
        endpoint(NAME, server.url(), keepalive=KEEPALIVE), apps=apps or [app(APP, NAME)], **options
    )


def options(application, port=PORT) -> list[Options]:
    return [options_of(application.pid, one.inode) for one in application.sockets(port)]


def wait_options(application, wanted, port=PORT) -> None:
    wait_until(
        lambda: set(options(application, port)) == {wanted},
        f"{wanted}, and not {options(application, port)}",
    )


def wait_heard(server, application, client) -> None:
    """Publishes until the subscriber hears of it."""
    since = application.mark()
    sent = itertools.count()

    def heard() -> bool:
        server.client().publish("news", f"again {next(sent)}")
        return any(r.event == "message" for r in client.reports(since))

    wait_until(heard, "a message to the subscriber")


def wait_noticed(client, since: int) -> float:
    """When the app was told that the connection is dead."""

    def told(report) -> bool:
        if report.on != client.name:
            return False
        return report.event in ("broken", "trouble", "subscribe") or report.ok is False

    return client.application.reports.wait(told, f"{client.name} notices", since).at


@pytest.mark.parametrize("library", CLIENTS)
def test_a_silent_connection_opened_before_relinkd_notices_that_its_path_died(
    lab, server, library
):
    application = lab.application(library=library)
    left_alone = lab.application("billing.service", library=library)
    subscriber = application.to(server).listen("news")
    other = left_alone.to(server).listen("news")
    worker = application.to(server)
    job = worker.call("BLPOP", "jobs", 0)
    wait_until(lambda: len(application.ports()) == 2, "both connections")
    before = options(left_alone)
    watcher = watch(lab, server, app(APP, NAME), app("billing", NAME, protect=False))
    Tuning(watcher).wait(tuned=2)
    assert options(application) == [WANTED, WANTED]
    event = watcher.wait_event("sockets_protected", NAME, app=APP)
    assert "connections to sessions are protected" in event.message

    dead = application.ports()
    mark, unnoticed = application.mark(), left_alone.mark()
    lab.faults.cut_flows(PORT, only=dead + left_alone.ports())
    cut = time.monotonic()
    noticed = [wait_noticed(one, mark) - cut for one in (subscriber, worker)]
    print(f"{library}: noticed after {noticed} s")
    assert max(noticed) < NOTICED + SLACK
    # It is the kernel's word, and not an action of relinkd's.
    assert watcher.actuator.acted() == []
    ended = {"app": APP, "endpoint": NAME, "cause": "keepalive_timeout"}
    wait_until(
        lambda: watcher.scrape().value("relinkd_app_disconnects_total", **ended) == 2,
        "the cause of both ends",
    )

    # The server does not know yet that they are dead, and would give them the job.
    for one in client_ids(server, dead).values():
        server.client().client_kill_filter(_id=one)
    if any(r.event == "broken" for r in subscriber.reports()):
        subscriber.listen("news")
    wait_heard(server, application, subscriber)
    if job.ended:
        job = worker.call("BLPOP", "jobs", 0)
    server.client().rpush("jobs", "a")
    assert job.value() == ["jobs", "a"]

    # What nobody protects hears nothing of it.
    assert not [r for r in other.reports(unnoticed) if r.event != "message"]
    assert options(left_alone) == before


def test_a_connection_that_is_opened_later_is_protected_too(lab, server):
    watcher = watch(lab, server)
    application = lab.application()
    application.pool(server, 3)
    wait_options(application, WANTED)

    def numbers() -> list[float]:
        names = ("relinkd_tuned_sockets", "relinkd_app_unprotected_sockets")
        return [watcher.scrape().value(name, app=APP, endpoint=NAME) for name in names]

    wait_until(lambda: numbers() == [3, 0], "three that relinkd looks after")
    application.pool(server, 2)
    Tuning(watcher).wait(tuned=5)
    [event] = [e for e in watcher.events.all() if e.event == "sockets_protected"]
    assert event.app == APP and event.endpoint == NAME, "once, and not for each connection"


@pytest.mark.parametrize("address", ["v6", "mapped"])
def test_connections_of_the_ipv6_family_are_protected(lab, address):
    server = lab.redis(lab.address6 if address == "v6" else lab.address)
    application = lab.application()
    host = f"::ffff:{lab.address}" if address == "mapped" else server.address
    application.connect(host=host, port=PORT).call("PING").value()
    watch(lab, server)
    wait_options(application, WANTED)


def test_what_an_app_set_more_strictly_stays(lab, server):
    application = lab.application()
    application.to(server, **STRICTER).call("PING").value()
    own = options(application)
    assert own == [Options(keepalive=True, idle=1, interval=1, count=2, user_timeout=0)]
    watcher = watch(lab, server, app(APP, NAME, protect={"user_timeout": "60s", "idle": "30s"}))
    # Its own keepalive of 3 s is not undone by a user timeout of 60 s.
    wait_options(
        application, Options(keepalive=True, idle=1, interval=1, count=2, user_timeout=3000)
    )
    [change] = Tuning(watcher).app()["endpoints"][0]["changes"]
    assert change["before"]["user_timeout_seconds"] is None
    assert change["after"]["user_timeout_seconds"] == 3


def test_other_apps_and_other_ports_are_left_alone(lab, server):
    elsewhere = lab.redis(port=OTHER_PORT)
    application, stranger = lab.application(), lab.application("billing.service")
    application.pool(server, 1)
    application.pool(elsewhere, 1)
    stranger.pool(server, 1)
    before = options(application, OTHER_PORT) + options(stranger)
    watch(lab, server)
    wait_options(application, WANTED)
    assert options(application, OTHER_PORT) + options(stranger) == before


def test_in_mode_observe_nothing_is_changed_and_what_would_be_is_said(lab, server):
    application = lab.application()
    application.pool(server, 2)
    before = options(application)
    watcher = watch(lab, server, mode="observe")
    event = watcher.wait_event("sockets_protected", NAME, app=APP, result="would")
    assert "2 connections to sessions would be protected" in event.message
    Tuning(watcher).wait(loose=2)
    assert options(application) == before
    assert "would get keepalive after 2s idle" in watcher.relinkctl("tune", "show").stdout
    # By the sockets' own options, where no timer is seen yet.
    of_endpoint = Relinks(watcher, APP, NAME).view()["endpoints"][0]
    assert of_endpoint["unprotected"] == 2


def test_a_person_puts_back_what_was_changed_and_applies_it_again(lab, server):
    application = lab.application()
    application.pool(server, 2)
    [before, _] = options(application)
    watcher = watch(lab, server)
    tuning = Tuning(watcher)
    tuning.wait(tuned=2)

    done = watcher.relinkctl("tune", "revert", APP)
    assert done.returncode == 0, done.stderr
    watcher.wait_event("sockets_reverted", NAME, app=APP)
    assert options(application) == [before, before]
    assert tuning.app()["reverted"]
    application.pool(server, 1)
    tuning.wait(loose=3)
    assert options(application) == [before] * 3

    mark = watcher.mark()
    assert watcher.relinkctl("tune", "apply", APP).returncode == 0
    watcher.wait_event("sockets_protected", NAME, since=mark, app=APP)
    assert options(application) == [WANTED] * 3
    refused = watcher.relinkctl("tune", "apply", "chekout")
    assert refused.returncode == 1 and "did you mean 'checkout'" in refused.stderr


def test_what_the_app_set_after_relinkd_is_not_put_back(lab, server):
    application = lab.application()
    application.pool(server, 1)
    [before] = options(application)
    watcher = watch(lab, server)
    tuning = Tuning(watcher)
    tuning.wait(tuned=1)
    [one] = application.sockets()
    set_user_timeout(application.pid, one.inode, 2000)
    assert watcher.relinkctl("tune", "revert", APP).returncode == 0
    watcher.wait_event("sockets_reverted", NAME, app=APP)
    assert options(application) == [dataclasses.replace(before, user_timeout=2000)]


def test_what_was_changed_outlives_relinkd_and_its_actuator(lab, server):
    application = lab.application()
    application.pool(server, 1)
    [before] = options(application)
    watcher = watch(lab, server)
    Tuning(watcher).wait(tuned=1)
    watcher.stop()
    watcher.actuator.stop()
    watcher.actuator.start()
    watcher.start()
    Tuning(watcher).wait(tuned=1)
    assert watcher.relinkctl("tune", "revert").returncode == 0
    wait_options(application, before)
    # What a person said does, too.
    watcher.kill()
    watcher.start()
    application.pool(server, 1)
    Tuning(watcher).wait(loose=2)
    assert Tuning(watcher).app()["reverted"]
    assert options(application) == [before, before]


def test_while_paused_nothing_is_made_stricter(lab, server):
    watcher = watch(lab, server)
    assert watcher.relinkctl("pause").returncode == 0
    application = lab.application()
    application.pool(server, 1)
    before = options(application)
    tuning = Tuning(watcher)
    tuning.wait(loose=1)
    assert options(application) == before
    assert watcher.relinkctl("resume").returncode == 0
    tuning.wait(tuned=1)
    assert options(application) == [WANTED]
