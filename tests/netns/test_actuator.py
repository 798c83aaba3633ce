# SPDX-License-Identifier: Apache-2.0
"""relinkd-actuator with real sockets on loopback, in cgroups that the test makes."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import tempfile

import pytest
from actuator import APP, STRANGER, WATCHER, Actuator, App, Orderer, Server, act, destroy
from cgroups import Cgroups
from collector import PATIENCE, program, wait_until

PORT, OTHER_PORT = 6380, 5432
CHECKOUT = "checkout.service"


def endpoint(name: str, port: int = PORT) -> dict:
    return {"name": name, "url": f"redis://127.0.0.1:{port}"}


def checkout(**settings: object) -> dict:
    return {"name": "checkout", "match": {"unit": CHECKOUT, "user": str(APP)},
            "endpoints": ["sessions"],
            "actions": ["destroy-sockets", "signal:SIGUSR1", "reload"], **settings}


BILLING = {"name": "billing", "match": {"unit": "billing.service"}, "endpoints": ["orders"]}
ENDPOINTS = [endpoint("sessions"), endpoint("orders")]


class Bench:
    """An actuator that obeys WATCHER, two servers, and apps as they are asked for."""

    def __init__(self, cleanup: contextlib.ExitStack) -> None:
        self._cleanup = cleanup
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="actuator-"))
        self.folder.chmod(0o755)
        self.cgroups = Cgroups()
        cleanup.callback(self.cgroups.close)
        self._servers = {}

    def actuator(self, *, start: bool = True, most: int = 600, **options: object) -> Actuator:
        made = Actuator(self.folder, **options)
        self._cleanup.callback(made.close)
        made.configure([checkout(), BILLING], ENDPOINTS, most=most)
        if start:
            made.start()
        return made

    def app(self, unit: str = CHECKOUT, *, host: str = "127.0.0.1", port: int = PORT,
            **options: object) -> App:
        listen_at = host.removeprefix("::ffff:")
        if (listen_at, port) not in self._servers:
            self._servers[listen_at, port] = Server(listen_at, port)
            self._cleanup.callback(self._servers[listen_at, port].close)
        server = self._servers[listen_at, port]
        made = App(server, host, port, self.cgroups.make(unit), **options)
        self._cleanup.callback(made.close)
        return made


@pytest.fixture
def bench():
    with contextlib.ExitStack() as cleanup:
        yield Bench(cleanup)


@pytest.fixture
def actuator(bench):
    return bench.actuator()


# ------------------------------------------------------------------------------------ destruction


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_socket_of_the_app_is_destroyed_and_no_other(bench, actuator, host):
    app, other = bench.app(host=host), bench.app(host=host)
    orderer = actuator.connect()
    answer = orderer.order(destroy(app))
    assert (answer["result"], answer["detail"]) == ("done", "the socket was destroyed")
    app.assert_reset()
    other.assert_unharmed()
    actuator.wait_log(f"checkout: destroy-sockets {app.name['local']} to {app.name['remote']}")
    assert orderer.order(destroy(app))["result"] == "gone"


def test_root_may_order_too(bench, actuator):
    app = bench.app()
    assert actuator.connect(0).order(destroy(app))["result"] == "done"
    app.assert_reset()


def test_orders_may_follow_each_other_without_waiting(bench, actuator):
    apps = [bench.app() for _ in range(5)]
    orderer = actuator.connect()
    sent = [orderer.send(destroy(app)) for app in apps]
    answers = [orderer.receive() for _ in apps]
    assert [a["id"] for a in answers] == sent
    assert {a["result"] for a in answers} == {"done"}
    for app in apps:
        app.assert_reset()


# ---------------------------------------------------------------------------------- forged orders

FORGED = {
    "unknown app": ({"app": "chekout"}, "has no app chekout"),
    "endpoint of another app": ({"endpoint": "orders"}, "names no endpoint orders"),
    "unknown endpoint": ({"endpoint": "elsewhere"}, "names no endpoint elsewhere"),
    "another app's name": ({"app": "billing", "endpoint": "orders"}, "is not the app billing's"),
}


@pytest.mark.parametrize("changes,why", FORGED.values(), ids=FORGED)
def test_an_order_with_another_name_is_refused(bench, actuator, changes, why):
    app = bench.app()
    answer = actuator.connect().order(destroy(app, **changes))
    assert answer["result"] == "refused" and why in answer["detail"]
    app.assert_unharmed()
    actuator.wait_log("an order of uid 64001 was refused")


FOREIGN = {
    "another user in the app's cgroup": ({"uid": STRANGER}, "its uid is 64003"),
    "the app's user in another cgroup": ({"unit": "cron.service"}, "cron.service, which is no app"),
    "root in the app's cgroup": ({"uid": 0}, "its uid is 0"),
    "another app": ({"unit": "billing.service", "uid": STRANGER}, "is not the app checkout's"),
    "the app itself to another port": ({"port": OTHER_PORT}, "none of the node_ports of sessions"),
}


@pytest.mark.parametrize("whose,why", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_socket_is_left_alone(bench, actuator, whose, why):
    app = bench.app(**whose)
    answer = actuator.connect().order(destroy(app))
    assert answer["result"] == "refused" and why in answer["detail"]
    app.assert_unharmed()


def test_the_servers_end_of_a_connection_is_left_alone(bench, actuator):
    app = bench.app()
    name = app.name
    answer = actuator.connect().order(
        destroy(app, local=name["remote"], remote=name["local"], cookie=name["cookie"] + 1)
    )
    assert answer["result"] in ("refused", "gone")
    app.assert_unharmed()


def test_a_stale_cookie_ends_nothing(bench, actuator):
    app = bench.app()
    orderer = actuator.connect()
    for cookie in (1, app.name["cookie"] - 1, app.name["cookie"] + 1, 2**64 - 2):
        assert orderer.order(destroy(app, cookie=cookie))["result"] == "gone"
    app.assert_unharmed()


@pytest.mark.parametrize("cookie", [0, 2**64 - 1])
def test_a_cookie_that_stands_for_any_is_no_order(bench, actuator, cookie):
    app = bench.app()
    orderer = actuator.connect()
    orderer.send(destroy(app, cookie=cookie))
    answer = orderer.receive()
    assert (answer["id"], answer["result"]) == (0, "refused")
    assert "names no socket" in answer["detail"]
    orderer.assert_closed()
    app.assert_unharmed()


NOT_LISTED = {
    "a unit that no app names": act("start", "start:sshd.service"),
    "a signal that is not listed": act("signal", "signal:SIGKILL"),
    "restart where reload is listed": act("restart", "restart"),
    "restart under the name of reload": act("restart", "reload"),
    "a verb of another app": act("reload", "reload", app="billing", endpoint="orders"),
}


@pytest.mark.parametrize("order", NOT_LISTED.values(), ids=NOT_LISTED)
def test_an_action_that_is_not_listed_is_refused(bench, actuator, order):
    app = bench.app(catches="SIGUSR1")
    answer = actuator.connect().order(order)
    assert answer["result"] == "refused" and "is none of the actions" in answer["detail"]
    app.assert_unharmed()


@pytest.mark.parametrize("kind", ["sysctl", "exec", ""])
def test_other_kinds_of_order_do_not_exist(actuator, kind):
    orderer = actuator.connect()
    orderer.send({"kind": kind, "key": "kernel.core_pattern", "value": "|/bin/sh"})
    answer = orderer.receive()
    assert (answer["id"], answer["result"]) == (0, "refused")
    orderer.assert_closed()


@pytest.mark.parametrize("settings,mode", [({"mode": "observe"}, "act"), ({}, "observe")])
def test_an_app_in_mode_observe_is_left_alone(bench, settings, mode):
    actuator = bench.actuator(start=False)
    actuator.configure([checkout(**settings)], ENDPOINTS, mode=mode)
    actuator.start()
    app = bench.app(catches="SIGUSR1")
    orderer = actuator.connect()
    for order in (destroy(app), act("signal", "signal:SIGUSR1"), act("reload", "reload")):
        answer = orderer.order(order)
        assert answer["result"] == "refused" and "is in mode observe" in answer["detail"]
    app.assert_unharmed()


# -------------------------------------------------------------------------------------- the peers


def test_another_user_is_turned_away(bench, actuator):
    app = bench.app()
    with pytest.raises(PermissionError):
        actuator.connect(STRANGER)
    # Whatever the mode of the file says, the uid is looked at.
    actuator.path.chmod(0o666)
    for uid in (STRANGER, APP):
        orderer = actuator.connect(uid)
        answer = orderer.receive()
        assert (answer["id"], answer["result"]) == (0, "refused")
        assert f"uid {uid} may not order here" in answer["detail"]
        orderer.assert_closed()
        with pytest.raises(BrokenPipeError):
            orderer.send(destroy(app))
        # An order that was there before the connection was looked at is not, either.
        with contextlib.suppress(BrokenPipeError):
            actuator.connect(uid).send(destroy(app))
        actuator.wait_log(f"uid {uid} may not order here")
    assert actuator.connect(WATCHER).order({"kind": "support"})["result"] == "done"
    app.assert_unharmed()
    assert not actuator.count.exists()


def test_there_are_four_connections_at_most(actuator):
    four = [actuator.connect() for _ in range(4)]
    for orderer in four:
        assert orderer.order({"kind": "support"})["result"] == "done"
    fifth = actuator.connect()
    answer = fifth.receive()
    assert (answer["id"], answer["result"]) == (0, "rate_limited")
    fifth.assert_closed()
    four[0].close()

    def has_room() -> bool:
        with contextlib.closing(Orderer(actuator.path)) as another:
            with contextlib.suppress(OSError):
                another.send({"kind": "support"})
                return another.receive()["result"] == "done"
            return False

    wait_until(has_room, "room for another connection")


GARBAGE = {
    "text": b"GET / HTTP/1.1\r\n\r\n",
    "bytes": bytes(range(256)),
    "half an order": b'{"version":1,"id":1,"kind":"rel',
    "deep": b"[" * 4000,
    "another version": b'{"version":2,"id":1,"kind":"support"}',
    "one byte too long": b'{"version":1,"id":1,"kind":"support"}'.ljust(4097),
    "far too long": b"x" * 100_000,
}


@pytest.mark.parametrize("message", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_answered_and_its_connection_closed(bench, actuator, message):
    app = bench.app()
    well = actuator.connect()
    bad = actuator.connect()
    bad.socket.send(message)
    answer = bad.receive()
    assert (answer["id"], answer["result"]) == (0, "refused") and answer["detail"]
    bad.assert_closed()
    # Others are not concerned.
    assert well.order(destroy(app))["result"] == "done"


def test_a_message_as_long_as_possible_is_read(actuator):
    orderer = actuator.connect()
    orderer.socket.send(b'{"version":1,"id":1,"kind":"support"}'.ljust(4096))
    assert orderer.receive()["result"] == "done"


def test_a_peer_that_does_not_read_its_answers_is_dropped(bench, actuator):
    app = bench.app()
    deaf = actuator.connect()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(100_000):
            deaf.send({"kind": "support"})
    assert actuator.connect().order(destroy(app))["result"] == "done"


# ------------------------------------------------------------------------------------------ floods


def test_a_flood_is_cut_at_the_limit_over_all_peers(bench):
    actuator = bench.actuator(most=5)
    app = bench.app()
    orderers = [actuator.connect(), actuator.connect(0)]
    # Refused ones count as well.
    results = [orderers[i % 2].order(destroy(app, app="nobody"))["result"] for i in range(5)]
    assert results == ["refused"] * 5
    for orderer in orderers:
        for _ in range(100):
            answer = orderer.order(destroy(app))
            assert answer["result"] == "rate_limited"
            assert "max_orders_per_minute" in answer["detail"]
    app.assert_unharmed()
    # 205 orders, and a handful of lines.
    actuator.wait_log("there were 5 orders in the last minute")
    assert len(actuator.log().splitlines()) < 40
    # What can be done here may still be asked.
    assert orderers[0].order({"kind": "support"})["result"] == "done"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_flood_is_cut_across_exits(bench, end):
    actuator = bench.actuator(activated=True, start=False, most=4)
    app = bench.app()
    results = []
    for _ in range(4):
        orderer = actuator.connect()
        orderer.send(destroy(app, app="nobody"))
        orderer.send(destroy(app, app="nobody"))
        actuator.start()
        results += [orderer.receive()["result"], orderer.receive()["result"]]
        orderer.close()
        actuator.signal(end)
        actuator.wait_end()
    assert results == ["refused"] * 4 + ["rate_limited"] * 4
    app.assert_unharmed()


@pytest.mark.parametrize("text", ["", "garbage", "relinkd-orders 1\n99999999999 1\n"])
def test_a_bad_count_counts_as_a_full_minute(bench, text):
    actuator = bench.actuator(start=False)
    actuator.count.write_text(text)
    actuator.start()
    app = bench.app()
    assert actuator.connect().order(destroy(app))["result"] == "rate_limited"
    app.assert_unharmed()
    actuator.wait_log("orders are refused for a minute")


def test_without_a_place_for_the_count_nothing_is_done(bench, actuator):
    app = bench.app()
    (actuator.folder / "actuator.sock.orders.new").mkdir()
    answer = actuator.connect().order(destroy(app))
    assert answer["result"] == "refused" and "without a count of orders" in answer["detail"]
    app.assert_unharmed()


# -------------------------------------------------------------------------------- killed and alone


def test_killed_in_the_middle_nothing_is_done_twice_or_to_others(bench, actuator):
    apps = [bench.app() for _ in range(10)]
    bystander = bench.app()
    orderer = actuator.connect()
    for app in apps:
        orderer.send(destroy(app))
    orderer.receive()
    actuator.signal(signal.SIGKILL)
    actuator.wait_end()
    # Its socket is left behind, and replaced.
    actuator.start()
    again = actuator.connect()
    results = [again.order(destroy(app))["result"] for app in apps]
    assert results[0] == "gone" and set(results) <= {"gone", "done"}
    for app in apps:
        app.assert_reset()
    bystander.assert_unharmed()


def test_a_second_one_leaves_the_first_alone(actuator):
    second = subprocess.run(actuator.command, capture_output=True, text=True, timeout=PATIENCE,
                            check=False)
    assert second.returncode == 1
    assert f"another program answers on {actuator.path}" in second.stderr
    assert actuator.connect().order({"kind": "support"})["result"] == "done"


def test_its_socket_is_its_users_alone_and_goes_with_it(actuator):
    at = actuator.path.stat()
    assert (at.st_uid, at.st_mode & 0o777) == (WATCHER, 0o600)
    actuator.stop()
    assert not actuator.path.exists()


# -------------------------------------------------------------------------------------- activation


def test_it_is_started_by_its_socket_and_ends_when_idle(bench):
    actuator = bench.actuator(activated=True, start=False)
    app = bench.app()
    orderer = actuator.connect()
    order = orderer.send(destroy(app))
    actuator.start()
    assert orderer.receive()["id"] == order
    app.assert_reset()
    orderer.close()
    assert actuator.wait_end(patience=60 + PATIENCE) == 0
    # The socket is systemd's, and starts it again.
    orderer = actuator.connect()
    orderer.send({"kind": "support"})
    actuator.start()
    assert orderer.receive()["result"] == "done"


def test_started_by_its_socket_it_waits_for_a_good_configuration(bench):
    actuator = bench.actuator(activated=True, start=False)
    good = actuator.config.read_text()
    app = bench.app()
    actuator.write_config("mode = 3\n")
    orderer = actuator.connect()
    actuator.start()
    answer = orderer.receive()
    assert (answer["id"], answer["result"]) == (0, "refused")
    assert f"{actuator.config}:1:8" in answer["detail"]
    orderer.assert_closed()
    actuator.write_config(good)
    assert actuator.connect().order(destroy(app))["result"] == "done"
    assert actuator.running


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_socket_of_another_type_is_not_used(bench, kind):
    actuator = bench.actuator(start=False)
    with contextlib.closing(socket.socket(socket.AF_UNIX, kind)) as wrong:
        n = wrong.fileno()
        script = f'exec 3<&{n}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
        done = subprocess.run(["/bin/bash", "-c", script, "bash", *actuator.command], pass_fds=(n,),
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1 and "is no ListenSequentialPacket=" in done.stderr


# ----------------------------------------------------------------------------------- configuration


def test_a_changed_configuration_holds_for_the_next_order(bench, actuator):
    good = actuator.config.read_text()
    app = bench.app()
    orderer = actuator.connect()
    assert orderer.order({"kind": "support"})["result"] == "done"
    actuator.configure([checkout(mode="observe")], ENDPOINTS)
    assert "is in mode observe" in orderer.order(destroy(app))["detail"]
    actuator.write_config("nonsense = 1\n" + good)
    answer = orderer.order(destroy(app))
    assert answer["result"] == "refused" and "nothing is done until it is good" in answer["detail"]
    app.assert_unharmed()
    actuator.write_config(good)
    assert orderer.order(destroy(app))["result"] == "done"
    app.assert_reset()


def test_a_peer_who_is_no_longer_the_user_is_not_obeyed(bench, actuator):
    app = bench.app()
    orderer = actuator.connect()
    assert orderer.order({"kind": "support"})["result"] == "done"
    actuator.write_config(actuator.config.read_text().replace(str(WATCHER), str(STRANGER)))
    answer = orderer.order(destroy(app))
    assert answer["result"] == "refused" and "uid 64001 may not order here" in answer["detail"]
    app.assert_unharmed()


def test_a_configuration_that_others_can_write_is_not_obeyed(bench, actuator):
    app = bench.app()
    orderer = actuator.connect()
    assert orderer.order({"kind": "support"})["result"] == "done"
    actuator.config.chmod(0o666)
    answer = orderer.order(destroy(app))
    assert answer["result"] == "refused"
    assert f"{actuator.config}: others than root may write to it" in answer["detail"]
    app.assert_unharmed()
    actuator.stop()
    for arguments in ([], ["--check"]):
        done = subprocess.run([*actuator.command, *arguments], capture_output=True, text=True,
                              timeout=PATIENCE, check=False)
        assert done.returncode == 1
        assert f"{actuator.config}: others than root may write to it" in done.stderr


def test_reload_reads_the_configuration_again(actuator):
    actuator.signal(signal.SIGHUP)
    actuator.wait_log("the actuator obeys a configuration of 2 apps")


def test_check_and_version(actuator):
    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([program("relinkd-actuator"), *arguments], capture_output=True,
                              text=True, timeout=PATIENCE, check=False)

    done = run("--config", str(actuator.config), "--check")
    assert (done.returncode, done.stdout) == (0, "configuration is valid: 2 apps\n")
    done = run("--version")
    assert done.returncode == 0 and done.stdout.startswith("relinkd-actuator ")
    assert run("--nonsense").returncode == 2


# ---------------------------------------------------------------------------- signals, and support


def test_a_signal_goes_to_the_apps_processes_that_catch_it(bench, actuator):
    catching = [bench.app(catches="SIGUSR1") for _ in range(2)]
    deaf = bench.app()
    foreign = [bench.app(catches="SIGUSR1", uid=STRANGER),
               bench.app("cron.service", catches="SIGUSR1")]
    answer = actuator.connect().order(act("signal", "signal:SIGUSR1"))
    assert answer["result"] == "done" and "2 of 2" in answer["detail"]
    for app in catching:
        assert app.next_line() == "signalled"
    for app in [*catching, deaf, *foreign]:
        app.assert_unharmed()
    for app in foreign:
        os.kill(app.pid, signal.SIGUSR1)
        assert app.next_line() == "signalled"
        # The one that the test has sent is the first; a second would follow it.
        app.assert_unharmed()


def test_a_signal_that_nobody_catches_is_not_sent(bench, actuator):
    app = bench.app()
    answer = actuator.connect().order(act("signal", "signal:SIGUSR1"))
    assert answer["result"] == "not_caught" and "would end it" in answer["detail"]
    app.assert_unharmed()


def test_a_signal_for_an_app_that_does_not_run_fails(actuator):
    answer = actuator.connect().order(act("signal", "signal:SIGUSR1"))
    assert (answer["result"], answer["detail"]) == ("failed", "no process of the app runs")


def test_an_app_can_be_known_by_its_cgroup_alone(bench):
    actuator = bench.actuator(start=False)
    match = {"cgroup": bench.cgroups.path("batch*")}
    actuator.configure([checkout(match=match, actions=["destroy-sockets", "signal:SIGUSR1"])],
                       ENDPOINTS)
    actuator.start()
    mine, foreign = bench.app("batch-7", catches="SIGUSR1"), bench.app()
    orderer = actuator.connect()
    assert orderer.order(act("signal", "signal:SIGUSR1"))["result"] == "done"
    assert mine.next_line() == "signalled"
    assert orderer.order(destroy(foreign))["result"] == "refused"
    assert orderer.order(destroy(mine))["result"] == "done"
    mine.assert_reset()
    foreign.assert_unharmed()


def test_units_need_systemd(actuator):
    answer = actuator.connect().order(act("reload", "reload"))
    assert answer["result"] == "unsupported" and "systemd does not run here" in answer["detail"]


def test_it_says_what_can_be_done_here(actuator):
    answer = actuator.connect().order({"kind": "support"})
    assert answer["result"] == "done"
    assert "sockets can be destroyed" in answer["detail"]
    assert "systemd does not run here" in answer["detail"]


def test_without_the_capability_it_says_so_and_destroys_nothing(bench):
    without = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]
    actuator = bench.actuator(prefix=without)
    app = bench.app()
    orderer = actuator.connect()
    assert "sockets cannot be destroyed" in orderer.order({"kind": "support"})["detail"]
    answer = orderer.order(destroy(app))
    assert answer["result"] == "unsupported" and "CAP_NET_ADMIN" in answer["detail"]
    app.assert_unharmed()
    actuator.wait_log("CAP_NET_ADMIN")
