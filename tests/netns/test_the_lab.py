# SPDX-License-Identifier: Apache-2.0
"""The wind tunnel itself: a fault that does not do what its name says proves nothing."""

import contextlib
import signal
import socket
import time

import pytest
from lab import Lab
from name_server import Record
from peers import commands, replies
from watcher import wait_until

PING = b"*1\r\n$4\r\nPING\r\n"
PORT = 6379


def ask(connection: socket.socket, seconds: float = 1.0) -> str:
    """One PING: "answered", "silent", "reset" or "closed"."""
    connection.settimeout(seconds)
    try:
        connection.sendall(PING)
        return "answered" if connection.recv(100).startswith(b"+PONG\r\n") else "closed"
    except TimeoutError:
        return "silent"
    except ConnectionResetError:
        return "reset"


def connect(lab: Lab, port: int = PORT, address: str = Lab.address) -> socket.socket:
    return lab.client.connect(address, port, 1)


@pytest.mark.parametrize("address", [Lab.address, Lab.address6])
def test_cut_flows_go_silent_and_new_ones_pass(lab, address):
    lab.redis(address)
    old = connect(lab, address=address)
    assert ask(old) == "answered"
    lab.faults.cut_flows(PORT)
    assert ask(old) == "silent"
    assert ask(connect(lab, address=address)) == "answered"
    lab.faults.repair()
    # TCP sends again what was lost.
    assert ask(old, 5) == "answered"


@pytest.mark.parametrize("cut", ["cut_flows", "cut_replies_of_flows", "reset_flows"])
def test_a_flow_that_is_begun_anew_from_the_same_port_passes(lab, cut):
    lab.redis()
    old = connect(lab)
    getattr(lab.faults, cut)(PORT)
    assert ask(old) != "answered"
    name = old.getsockname()
    # So that its port is free.
    lab.client.run("ss", "-K", "sport", f"= :{name[1]}")
    old.close()
    new = lab.client.socket(socket.AF_INET)
    new.bind(name)
    new.settimeout(10)
    new.connect((Lab.address, PORT))
    assert ask(new) == "answered"


def test_only_replies_of_flows_are_cut(lab):
    server = lab.redis()
    old = connect(lab)
    assert ask(old) == "answered"
    before = server.client().info("commandstats")["cmdstat_ping"]["calls"]
    lab.faults.cut_replies_of_flows(PORT)
    assert ask(old) == "silent"
    # The server has seen the request (and the one of the client that asks).
    assert server.client().info("commandstats")["cmdstat_ping"]["calls"] > before
    assert ask(connect(lab)) == "answered"


def test_dropped_requests_and_replies_make_the_server_unreachable(lab):
    lab.redis()
    for drop in (lab.faults.drop_requests, lambda: lab.faults.drop_replies(PORT)):
        old = connect(lab)
        drop()
        assert ask(old) == "silent"
        with pytest.raises(TimeoutError):
            connect(lab)
        lab.faults.repair()


def test_one_address_can_be_dropped_alone(lab):
    lab.redis()
    lab.redis(lab.other_address)
    lab.faults.drop_requests(lab.other_address)
    assert ask(connect(lab)) == "answered"
    with pytest.raises(TimeoutError):
        connect(lab, address=lab.other_address)


def test_reset_flows_get_an_rst_and_new_ones_pass(lab):
    lab.redis()
    old = connect(lab)
    assert ask(old) == "answered"
    lab.faults.reset_flows(PORT)
    assert ask(old) == "reset"
    assert ask(connect(lab)) == "answered"


def test_a_router_can_say_that_the_host_is_unreachable(lab):
    lab.redis()
    lab.faults.reject_by_icmp(PORT)
    with pytest.raises(OSError, match="No route to host"):
        connect(lab)


def test_exactly_one_request_is_lost(lab):
    lab.redis()
    connection = connect(lab)
    assert ask(connection) == "answered"
    lab.faults.drop_one_request(PORT)
    assert ask(connection, 5) == "answered"
    assert ask(connection, 5) == "answered"
    assert lab.faults.dropped() == 1


def test_random_loss_loses_about_that_share(lab):
    lab.redis()
    connection = connect(lab)
    lab.faults.lose(10)
    for _ in range(50):
        ask(connection, 20)
    # 100 requests and replies at least: none lost has the probability 0.9 ** 100.
    assert 1 <= lab.faults.dropped() <= 60


def test_an_idle_flow_is_forgotten_silently_and_a_busy_one_is_not(lab):
    lab.redis()
    lab.faults.forget_idle_flows(PORT, 2)
    busy, idle = connect(lab), connect(lab)
    assert ask(idle) == "answered"
    for _ in range(7):
        assert ask(busy) == "answered"
        time.sleep(0.5)
    assert ask(idle) == "silent"
    assert ask(busy) == "answered"


@pytest.mark.parametrize("end", ["client", "server"])
def test_a_link_goes_down_and_comes_back(lab, end):
    lab.redis()
    set_link = lab.faults.client_link if end == "client" else lab.faults.server_link
    connection = connect(lab)
    assert ask(connection) == "answered"
    set_link("down")
    assert ask(connection) == "silent"
    set_link("up")
    assert ask(connection, 10) == "answered"


def test_a_stopped_server_acknowledges_and_says_nothing(lab):
    server = lab.redis()
    connection = connect(lab)
    server.freeze()
    assert ask(connection) == "silent"
    # The kernel goes on accepting.
    assert ask(connect(lab)) == "silent"
    server.thaw()
    connection.settimeout(10)
    assert connection.recv(100) == b"+PONG\r\n"


def test_a_killed_server_refuses_and_a_restarted_one_answers(lab):
    server = lab.redis()
    server.kill(signal.SIGKILL)
    with pytest.raises(ConnectionRefusedError):
        connect(lab)
    server.start()
    assert ask(connect(lab)) == "answered"


def test_a_proxy_loses_the_back_end_of_the_connections_of_now(lab):
    proxy = lab.proxy(lab.redis())
    old = connect(lab, proxy.port)
    assert ask(old) == "answered"
    proxy.kill_back_ends()
    assert ask(old) == "silent"
    assert ask(connect(lab, proxy.port)) == "answered"


def test_a_proxy_spoils_replies_and_nothing_else(lab):
    server = lab.redis()
    proxy = lab.proxy(server)
    proxy.spoil = lambda data: data.replace(b"PONG", b"PING")
    connection = connect(lab, proxy.port)
    connection.sendall(PING)
    assert connection.recv(100) == b"+PING\r\n"
    assert "cmdstat_ping" in server.client().info("commandstats")


def test_the_tap_sees_what_a_firewall_drops(lab):
    lab.redis()
    lab.faults.drop_requests()
    with contextlib.suppress(TimeoutError):
        connect(lab)
    assert len(lab.tap.connects(PORT)) == 1
    assert all(p.payload == 0 for p in lab.tap.packets(PORT))
    lab.faults.repair()
    ask(connect(lab))
    # The tap reads in a thread of its own.
    wait_until(
        lambda: sum(p.payload for p in lab.tap.packets(PORT)) == len(PING), "PING at the tap"
    )


def test_the_name_server_answers_changes_and_goes_silent(lab):
    names = lab.name_server()

    def resolve(name: str) -> list[str]:
        # getent reads the resolv.conf that the daemon reads.
        getent = f'RES_OPTIONS="timeout:1 attempts:1" getent ahostsv4 {name} || true'
        done = lab.client.run("sh", "-c", getent)
        return [line.split()[0] for line in done.splitlines() if "STREAM" in line]

    names.set_address("redis.test", lab.address)
    assert resolve("redis.test") == [lab.address]
    names.set("redis.test", Record("CNAME", "two.test", 5))
    names.set_address("two.test", lab.other_address)
    assert resolve("redis.test") == [lab.other_address]
    assert resolve("nothing.test") == []
    names.silent = True
    assert resolve("redis.test") == []
    assert "redis.test" in names.queries


def test_a_scripted_peer_answers_what_it_is_told_to(lab):
    peer = lab.peer(replies(lambda request: b"+PONG\r\n"))
    assert ask(connect(lab)) == "answered"
    assert peer.accepted == 1


def test_a_scripted_peer_reads_commands_wherever_they_are_cut(lab):
    heard = []
    lab.peer(commands(lambda words: heard.append(words) or b"+OK\r\n"))
    connection = connect(lab)
    for piece in (b"*2\r\n$4\r\nRO", b"LE\r\n$3\r\nall\r\n*1\r\n$4\r\nPING\r\n"):
        connection.sendall(piece)
    connection.settimeout(10)
    answers = b""
    while len(answers) < 10:
        answers += connection.recv(100)
    assert heard == [["ROLE", "all"], ["PING"]]


def test_certificates_can_be_good_expired_and_from_elsewhere(lab):
    authority = lab.authority()
    good = authority.issue("good", f"IP:{lab.address}")
    expired = authority.issue("expired", f"IP:{lab.address}", days=-1)
    for certificate, verdict in ((good, "Verification: OK"), (expired, "certificate has expired")):
        server = lab.redis(tls=(authority, certificate))
        told = lab.client.run(
            "sh", "-c",
            f"openssl s_client -connect {server.host_port} -CAfile {authority.ca_file}"
            " </dev/null 2>&1 || true",
        )
        assert verdict in told
        server.close()


def test_nothing_can_leave(lab):
    with pytest.raises(OSError):
        lab.client.connect("198.19.0.1", 6379, 2)
    with pytest.raises(OSError):
        socket.create_connection(("198.18.0.2", 6379), 2)
