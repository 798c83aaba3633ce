# SPDX-License-Identifier: Apache-2.0
"""The kernel's programs by which relinkd hears of apps' connections at once: while they are there,
while they cannot be had, and when whoever keeps them goes away."""

import pathlib
import signal
import time

import pytest
from collector import wait_until
from lab import app, endpoint
from relinks import Relinks

NAME = "sessions"
APP = "checkout"
PORT = 6379
UNTOLD = "why they close is not told"


@pytest.fixture
def server(lab):
    return lab.redis()


def watch(lab, server, **options):
    return lab.watch_until_ok(endpoint(NAME, server.url()), apps=[app(APP, NAME)], **options)


def active(watcher):
    return watcher.scrape().value("relinkd_trace_active") == 1


def wait_active(watcher):
    wait_until(lambda: active(watcher), "the kernel to tell of connections")


def connects(watcher, result="ok"):
    return watcher.scrape().value(
        "relinkd_app_connects_total", app=APP, endpoint=NAME, result=result
    )


def links(pid):
    """How many of the kernel's programs this process keeps attached."""
    return sum("bpf_link" in str(fd.readlink()) for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir())


def assert_relinks(lab, watcher, server):
    """A dead flow is ended, and the app goes on."""
    application = lab.application()
    busy = application.to(server).repeat("INCR", "a")
    relinks = Relinks(watcher, APP, NAME)
    relinks.wait_seen(application)
    lab.faults.cut_flows(PORT, only=application.ports())
    relinks.wait("relink_decided")
    busy.wait_success(begun_after=time.monotonic())
    relinks.wait_recovered()


def test_each_connection_that_an_app_opens_is_told_of(lab, server):
    watcher = watch(lab, server)
    wait_active(watcher)
    assert connects(watcher) == 0, "relinkd's own connections are no app's"
    application = lab.application()
    application.pool(server, 5)
    wait_until(lambda: connects(watcher) == 5, "five connections")
    assert watcher.scrape().value("relinkd_trace_events_lost_total") == 0


@pytest.mark.parametrize("missing", ["-perfmon,-sys_admin", "-bpf,-perfmon,-sys_admin"])
def test_without_the_capabilities_it_is_said_once_and_all_else_works(lab, server, missing):
    watcher = watch(lab, server, actuator_prefix=["setpriv", f"--bounding-set={missing}"])
    told = watcher.wait_event("degraded")
    assert UNTOLD in told.message and "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN" in told.message
    assert_relinks(lab, watcher, server)
    assert not active(watcher)
    assert sum(UNTOLD in e.message for e in watcher.events.all()) == 1


def test_a_kernel_that_does_not_describe_its_types_is_said_and_all_else_works(lab, server):
    hide = 'mount -t tmpfs none /sys/kernel/btf && exec "$@"'
    watcher = watch(
        lab, server, actuator_prefix=["unshare", "--mount", "/bin/sh", "-c", hide, "sh"]
    )
    told = watcher.wait_event("degraded")
    assert UNTOLD in told.message and "/sys/kernel/btf/vmlinux" in told.message
    assert_relinks(lab, watcher, server)
    assert not active(watcher)


def test_without_an_actuator_it_comes_when_that_comes(lab, server):
    watcher = watch(lab, server, with_actuator=False)
    assert UNTOLD in watcher.wait_event("degraded").message
    watcher.actuator.start()
    wait_active(watcher)


def test_an_actuator_that_is_killed_is_asked_again(lab, server):
    watcher = watch(lab, server)
    wait_active(watcher)
    watcher.actuator.kill()
    wait_until(lambda: not active(watcher), "the loss of the actuator")
    watcher.actuator.start()
    wait_active(watcher)
    application = lab.application()
    application.to(server).call("PING").end()
    wait_until(lambda: connects(watcher) == 1, "a connection opened after it")


def test_when_relinkd_ends_nothing_stays_attached(lab, server):
    watcher = watch(lab, server)
    wait_active(watcher)
    pid = watcher.actuator.pid
    assert links(pid) == 3, "two that tell, one that walks"
    watcher.kill()
    wait_until(lambda: links(pid) == 1, "the end of those that tell")
    watcher.start()
    wait_active(watcher)
    assert links(pid) == 3


def test_without_apps_nothing_stays_attached_and_nothing_is_missed(lab, server):
    watcher = watch(lab, server)
    wait_active(watcher)
    watcher.configure([endpoint(NAME, server.url())], [])
    assert watcher.relinkctl("reload").returncode == 0
    wait_until(lambda: not active(watcher), "relinkd to say that nothing is told")
    wait_until(lambda: links(watcher.actuator.pid) == 1, "the end of those that tell")

    watcher.configure([endpoint(NAME, server.url())], [app(APP, NAME)])
    assert watcher.relinkctl("reload").returncode == 0
    wait_active(watcher)
    lab.application().pool(server, 3)
    wait_until(lambda: connects(watcher) == 3, "three connections")
    assert not any("are lost" in e.message for e in watcher.events.all())


def test_what_was_lost_before_relinkd_listened_is_not_its_loss(lab, server):
    watcher = watch(lab, server)
    wait_active(watcher)

    def lost():
        return watcher.scrape().value("relinkd_trace_events_lost_total")

    watcher.signal(signal.SIGSTOP)
    # Each is begun, opened and ended: more than the ring has room for.
    for _ in range(2000):
        lab.client.connect(server.address, PORT).close()
    watcher.signal(signal.SIGCONT)

    def told():
        # The next record that finds room tells of those that did not.
        lab.client.connect(server.address, PORT).close()
        return lost() > 0

    wait_until(told, "the loss to be counted")
    watcher.kill()
    watcher.start()
    wait_active(watcher)
    lab.application().pool(server, 3)
    wait_until(lambda: connects(watcher) == 3, "three connections")
    assert lost() == 0


def test_the_ports_of_a_new_configuration_are_watched_after_a_reload(lab, server):
    other = lab.redis(port=6400)
    watcher = watch(lab, server)
    wait_active(watcher)
    application = lab.application()
    application.to(other).call("PING").end()
    watcher.configure([endpoint(NAME, server.url(), node_ports=[PORT, 6400]),
                       endpoint("orders", other.url())], [app(APP, NAME, "orders")])
    assert watcher.relinkctl("reload").returncode == 0
    wait_active(watcher)

    def told():
        application.to(other).call("PING").end()
        return watcher.scrape().value(
            "relinkd_app_connects_total", app=APP, endpoint="orders", result="ok"
        ) > 0

    wait_until(told, "connections to the new port")
