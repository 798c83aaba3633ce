# SPDX-License-Identifier: Apache-2.0
"""Why an application's connection closed: each cause is made for real, and named."""

import os
import re
import signal

import pytest
from closes import Closes
from collector import wait_until
from group import ReplicationGroup
from lab import app, endpoint
from relinks import Relinks

NAME = "sessions"
APP = "checkout"
CHANNEL = "AzureRedisEvents"
PORT = 6379
# Its pid is that of the host, and these tests run in a pid namespace.
PROCESS = r"python3, pid \d+"
# SOL_TCP's options of tcp(7): TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_USER_TIMEOUT
IDLE, INTERVAL, COUNT, USER_TIMEOUT = "4", "5", "6", "18"


@pytest.fixture
def server(lab):
    return lab.redis()


def watch(lab, server, watch=None, **settings):
    """relinkd with one app, whose sockets it leaves as the app made them."""
    watcher = lab.watch_until_ok(
        endpoint(NAME, server.url()), apps=[app(APP, NAME, protect=False, **settings)],
        watch=watch,
    )
    return watcher, Closes(watcher, APP, NAME)


def connected(lab, server, watcher, **options):
    """An application with one connection, which the census knows."""
    application = lab.application()
    client = application.to(server, **options)
    client.call("PING").value()
    Relinks(watcher, APP, NAME).wait_seen(application)
    return application, client


def until_told(end_one):
    """What this returns for a connection that a timer of the kernel's ended. The kernel runs no
    program while the timer has interrupted a task that may not be traced: then it is counted as
    lost, end_one() returns nothing, and the next one is ended."""
    for _ in range(3):
        if close := end_one():
            return close
    raise AssertionError("three ends were not told")


def test_a_close_by_the_app_is_counted_and_listed_and_not_logged(lab, server):
    watcher, closes = watch(lab, server)
    application, client = connected(lab, server, watcher)
    [port] = application.ports()
    client.close()
    [close] = closes.wait("local_close")
    assert re.fullmatch(rf"{PROCESS} closed it in order", close["detail"])
    assert close["usual"] and close["established"]
    assert close["local"].endswith(f":{port}") and close["node"] == server.host_port
    assert close["age_seconds"] > 0 and close["sent_bytes"] > 0 and close["received_bytes"] > 0
    assert close["condition"] == "ok"
    assert closes.disconnects() == {"local_close": 1}
    assert closes.connects() == {"ok": 1}
    assert closes.listed() == []


def test_an_app_that_gives_up_on_a_server_that_does_not_answer_is_told(lab, server):
    watcher, closes = watch(lab, server)
    _, client = connected(lab, server, watcher, socket_timeout=10)
    server.freeze()
    assert not client.call("PING").end().ok
    server.thaw()
    close = closes.wait("local_close")[0]
    assert "what it sent last was not answered for 10" in close["detail"]
    assert close["condition"] == "stalled" and not close["usual"]
    event = watcher.wait_event("app_disconnected", NAME, cause="local_close")
    assert "relinkd's own connection to the node was stalled" in event.message
    assert event.incident == close["incident"] != ""


def test_an_app_that_is_killed_aborted_its_connections(lab, server):
    watcher, closes = watch(lab, server)
    application, _ = connected(lab, server, watcher)
    os.kill(application.pid, signal.SIGKILL)
    [close] = closes.wait("local_abort")
    assert re.fullmatch(rf"{PROCESS} was killed by signal 9 \(KILL\)", close["detail"])
    event = watcher.wait_event("app_disconnected", NAME, cause="local_abort")
    assert event.app == APP and event.node == server.host_port


def test_a_close_at_the_servers_timeout_is_told_from_others(lab, server):
    server.client().config_set("timeout", 2)
    watcher, closes = watch(lab, server)
    connected(lab, server, watcher)
    [close] = closes.wait("idle_timeout")
    assert "the server's timeout is 2.00 s" in close["detail"]
    assert close["usual"] and 2 <= close["idle_seconds"] <= 5
    assert closes.disconnects() == {"idle_timeout": 1}


def test_what_died_of_client_kill_together_is_one_line(lab, server):
    watcher, closes = watch(lab, server)
    application = lab.application()
    application.pool(server, 20)
    Relinks(watcher, APP, NAME).wait_seen(application)
    ports = application.ports()
    admin = server.client()
    for one in server.watchers():
        if int(one["addr"].rpartition(":")[2]) in ports:
            admin.client_kill_filter(_id=one["id"])
    ended = closes.wait("killed", 20)
    assert all("CLIENT KILL calls rose" in close["detail"] for close in ended)
    event = watcher.wait_event("app_disconnected", NAME, cause="killed")
    assert f"20 connections to {server.host_port} ended within" in event.message
    assert closes.disconnects() == {"killed": 20}


def test_a_server_that_is_killed_shut_down_and_refuses_from_then_on(lab, server):
    watcher, closes = watch(lab, server)
    _, client = connected(lab, server, watcher)
    server.kill()
    [close] = closes.wait("shutdown")
    assert "the server process ended" in close["detail"]
    assert not client.call("PING").end().ok
    refused = closes.wait("refused", closes.connects()["refused"])
    assert not refused[0]["established"] and not refused[0]["usual"]
    assert watcher.wait_event("app_not_connected", NAME, cause="refused").app == APP
    assert closes.disconnects() == {"shutdown": 1}


def test_a_sentinel_that_makes_the_demoted_node_kill_its_clients_is_a_failover(fabric):
    group = ReplicationGroup(fabric)
    # Otherwise it might make the app follow before the Sentinels do.
    observed = [app(APP, NAME, protect=False, mode="observe")]
    watcher = fabric.watch_until_ok(endpoint(NAME, group.url()), apps=observed)
    closes = Closes(watcher, APP, NAME)
    application = fabric.application()
    old, mark = group.primary(), group.mark()
    clients = application.pool(old, 3)
    Relinks(watcher, APP, NAME).wait_seen(application)
    group.sentinels[0].failover(group.name)
    group.wait_switch(old, mark)
    ended = closes.wait("failover", len(clients))
    assert all("ceased to be the primary" in close["detail"] for close in ended)
    assert closes.disconnects() == {"failover": len(clients)}


def test_an_rst_from_the_path_is_a_reset(lab, server):
    watcher, closes = watch(lab, server)
    application, client = connected(lab, server, watcher)
    lab.faults.reset_flows(PORT, only=application.ports())
    client.call("PING").end()
    [close] = closes.wait("reset")
    assert "nothing the server says explains why" in close["detail"]


@pytest.mark.parametrize(
    ("cause", "options", "in_flight", "said"),
    [
        ("user_timeout", {IDLE: 1000, USER_TIMEOUT: 1500}, True, "the user timeout of 1.50 s"),
        ("retransmission_timeout", {IDLE: 1000}, True, "tcp_retries2"),
        ("keepalive_timeout", {IDLE: 2, INTERVAL: 1, COUNT: 2}, False,
         "keepalive probes unanswered"),
    ],
)
def test_the_kernels_time_outs_are_told_apart_where_the_servers_host_is_cut(
    lab, server, cause, options, in_flight, said
):
    lab.client.run("sysctl", "-qw", "net.ipv4.tcp_retries2=3")
    watcher, closes = watch(lab, server, actions=["reload"], mode="observe")

    def end_one() -> dict | None:
        _, client = connected(
            lab, server, watcher, socket_keepalive=True, socket_keepalive_options=options
        )
        lab.faults.drop_requests()
        if in_flight:
            client.call("PING")
        close = closes.wait_unless_lost(cause)
        lab.faults.repair()
        return close

    close = until_told(end_one)
    assert said in close["detail"]
    assert close["retransmits"] > 0 or not in_flight
    assert set(closes.disconnects()) == {cause}


def test_a_connection_that_a_middlebox_forgot_was_cut_for_being_idle(lab, server):
    lab.faults.forget_idle_flows(PORT, 4)
    watcher, closes = watch(
        lab, server, watch={"idle_watch": {"ages": ["1s", "5s"]}}, actions=["reload"]
    )
    watcher.wait_event("idle_cut", NAME)

    def end_one() -> dict | None:
        application, client = connected(
            lab, server, watcher, socket_keepalive=True,
            socket_keepalive_options={IDLE: 1000, USER_TIMEOUT: 1500},
        )
        [port] = application.ports()
        lab.faults.wait_forgotten(port)
        client.call("PING")
        return closes.wait_unless_lost("idle_timeout")

    close = until_told(end_one)
    assert "the kernel gave up after" in close["detail"] and "are forgotten" in close["detail"]
    assert close["condition"] in ("ok", "slow") and close["idle_cut_seconds"] == 5


def test_what_a_server_closes_in_announced_maintenance_is_maintenance(lab, server):
    watched = endpoint(NAME, server.url(), announcements=True)
    watcher = lab.watch_until_ok(watched, apps=[app(APP, NAME, protect=False)])
    closes = Closes(watcher, APP, NAME)
    connected(lab, server, watcher)
    admin = server.client()
    wait_until(lambda: admin.pubsub_numsub(CHANNEL)[0][1] >= 1, "subscription")
    admin.publish(CHANNEL, "NotificationType|NodeMaintenanceStart")
    watcher.wait_event("maintenance", NAME)
    server.kill()
    [close] = closes.wait("maintenance")
    assert "announced maintenance is under way; " in close["detail"]
    assert close["maintenance"] is True
    assert closes.disconnects() == {"maintenance": 1}


def test_a_connect_that_nobody_answers_timed_out(lab, server):
    watcher, closes = watch(lab, server)
    application = lab.application()
    lab.faults.drop_requests()
    client = application.to(server, socket_connect_timeout=2.5, retry_on_timeout=False)
    assert not client.call("PING").end().ok
    close = closes.wait("connect_timeout", closes.connects()["timeout"])[0]
    assert "SYNs unanswered" in close["detail"] and "python3" in close["detail"]
    assert not close["established"]
    assert closes.disconnects() == {}


def test_a_connect_that_a_router_rejects_is_unreachable(lab, server):
    watcher, closes = watch(lab, server)
    application = lab.application()
    lab.faults.reject_by_icmp(PORT)
    assert not application.to(server).call("PING").end().ok
    assert closes.wait("unreachable", closes.connects()["unreachable"])[0]["established"] is False


def test_a_relink_is_told_from_what_somebody_else_destroys(lab, server):
    watcher, closes = watch(lab, server)
    application, client = connected(lab, server, watcher)
    assert watcher.relinkctl("relink", APP).returncode == 0
    [close] = closes.wait("destroyed")
    assert close["usual"] and close["detail"].startswith("relinkd had it ended; incident checkout-")
    client.call("PING").value()
    Relinks(watcher, APP, NAME).wait_seen(application)
    [port] = application.ports()
    lab.client.run("ss", "-K", "dport", f"= :{PORT}", "sport", f"= :{port}")
    [_, other] = closes.wait("destroyed", 2)
    assert not other["usual"] and "ss, pid" in other["detail"]
    assert closes.disconnects() == {"destroyed": 2}


def test_for_people_closes_are_sentences(lab, server):
    watcher, closes = watch(lab, server)
    _, client = connected(lab, server, watcher)
    client.close()
    closes.wait("local_close")
    told = watcher.relinkctl("closes").stdout
    assert "1 more ended as connections do every day; --all shows them." in told
    told = watcher.relinkctl("closes", "--all").stdout
    assert re.search(rf"{PROCESS} closed it in order", told)
    assert "the node was ok" in told
    done = watcher.relinkctl("closes", "chekout")
    assert done.returncode != 0 and "checkout" in done.stderr
