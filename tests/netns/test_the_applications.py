# SPDX-License-Identifier: Apache-2.0
"""The applications of the lab, and what becomes of them without relinkd: a scene in which they heal
by themselves proves nothing."""

import time

import pytest
from application import APP_UID, CLIENTS, Untouched, client_ids
from collector import wait_until
from group import ReplicationGroup

PORT = 6379
KEEPALIVE = {
    "socket_keepalive": True,
    # TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT (tcp(7))
    "socket_keepalive_options": {4: 1, 5: 1, 6: 5},
}
# Longer than relinkd may take; far below what the kernel takes, which is 15 minutes.
HANGS = 5.0

each_client = pytest.mark.parametrize("library", CLIENTS)


def destroy(lab, port):
    """What the actuator is to do."""
    lab.client.run("ss", "-K", "state", "established", f"sport = :{port}")


def test_an_application_runs_in_its_cgroup_and_as_its_user(lab):
    server = lab.redis()
    application = lab.application("billing.service", uid=APP_UID + 1)
    assert application.to(server).call("PING").value() in (True, "PONG")
    assert application.cgroup().endswith("/billing.service")
    socket = lab.client.run("ss", "-Htne", "state", "established", f"dport = :{PORT}")
    assert f"uid:{APP_UID + 1} " in socket
    assert f"cgroup:{application.cgroup()} " in socket


@each_client
@pytest.mark.parametrize("address", ["v4", "v6", "mapped"])
def test_a_call_on_a_flow_that_is_dropped_hangs_and_others_go_on(lab, library, address):
    server = lab.redis(lab.address6 if address == "v6" else lab.address)
    host = f"::ffff:{lab.address}" if address == "mapped" else server.address
    application, other = lab.application(library=library), lab.application("billing.service")
    busy = application.connect(host=host, port=PORT).repeat("INCR", "a")
    [dead] = application.sockets()
    assert dead.remote == server.host_port
    living = other.to(server).repeat("INCR", "b")
    untouched = Untouched(other, server)
    lab.faults.cut_flows(PORT, only=[dead.local_port])
    busy.wait_hanging(HANGS)
    living.wait_success(time.monotonic())
    untouched.check()
    # And this is what it needs: then the next call succeeds, over a new connection.
    mark = time.monotonic()
    destroy(lab, dead.local_port)
    busy.wait_success(mark)
    assert dead.identity not in [one.identity for one in application.sockets()]


def test_every_connection_of_a_forgotten_pool_hangs_when_it_is_used(lab):
    server = lab.redis()
    application = lab.application()
    pool = application.pool(server, 5)
    assert len(application.ports()) == 5
    lab.faults.cut_flows(PORT, only=application.ports())
    calls = [one.call("PING") for one in pool]
    time.sleep(HANGS)
    assert not any(call.ended for call in calls)


def test_a_quiet_subscriber_and_a_worker_are_kept_by_their_keepalive(lab):
    server = lab.redis()
    application = lab.application()
    subscriber = application.to(server, **KEEPALIVE).listen("news")
    job = application.to(server, **KEEPALIVE).call("BLPOP", "jobs", 0)
    wait_until(lambda: len(application.ports()) == 2, "both connections")
    untouched = Untouched(application, server)

    def last_acks():
        told = lab.client.run("ss", "-Htin", "state", "established", f"dport = :{PORT}")
        return [int(word[len("lastack:"):]) for word in told.split() if word.startswith("lastack:")]

    time.sleep(HANGS)
    acks = last_acks()
    assert len(acks) == 2 and all(ack < 2500 for ack in acks), acks
    untouched.check()
    server.client().publish("news", "hello")
    server.client().rpush("jobs", "work")
    application.wait("message", subscriber.name, value="hello")
    assert job.value() == ["jobs", "work"]


def test_data_of_one_user_vanish_while_connections_are_made(lab):
    server = lab.redis()
    other = lab.application("billing.service", uid=APP_UID + 1).to(server).repeat("INCR", "b")
    lab.faults.drop_data_of_user(APP_UID, PORT)
    application = lab.application()
    call = application.to(server).call("PING")
    time.sleep(HANGS)
    assert not call.ended
    assert [one.state for one in application.sockets()] == ["ESTAB"]
    other.wait_success(time.monotonic())


def test_an_application_can_wait_for_a_signal_before_it_connects_again(lab):
    server = lab.redis()
    application = lab.application(catches=["SIGUSR1"])
    client = application.to(server).repeat("INCR", "a", gives_up=True)
    [port] = application.ports()
    lab.faults.cut_flows(PORT, only=[port])
    client.wait_hanging(1)
    destroy(lab, port)
    application.wait("gave_up")
    time.sleep(1)
    assert application.sockets() == []
    mark = time.monotonic()
    lab.client.run("kill", "-USR1", str(application.pid))
    application.wait("signal", value="SIGUSR1")
    client.wait_success(mark)


@each_client
def test_an_application_that_only_reads_stays_at_the_old_primary(fabric, library):
    group = ReplicationGroup(fabric)
    seeds = [[one.address, one.port] for one in group.sentinels]
    application = fabric.application(library=library)
    reader = application.connect("primary", seeds=seeds, primary=group.name)
    reader.repeat("GET", "a", pause=0.1)
    old = group.primary()
    wait_until(lambda: len(client_ids(old, application.ports())) > 0, "connection to the primary")
    untouched = Untouched(application, old)
    group.fail_over_gently(fabric)
    before = time.monotonic()
    time.sleep(HANGS)
    reader.wait_success(before)
    untouched.check()
