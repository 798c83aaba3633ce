# SPDX-License-Identifier: Apache-2.0
"""What relinkd tells, where: metrics, log, events, status, and systemd."""

import re
import subprocess
import time

import pytest
from lab import Lab, endpoint

CONDITIONS = [
    "unknown", "local_fault", "dns_failed", "refused", "unreachable", "half_open", "peer_closed",
    "reset", "tls_failed", "not_redis", "auth_failed", "stalled", "master_down", "loading", "busy",
    "read_only", "slow", "ok",
]
CAUSES = [
    "half_open", "user_timeout", "retransmission_timeout", "keepalive_timeout", "idle_timeout",
    "killed", "shutdown", "max_clients", "output_buffer_limit", "failover", "maintenance",
    "peer_closed", "reset", "refused", "connect_timeout", "tls", "auth", "protocol", "moved",
    "destroyed", "unreachable", "local_close", "local_abort", "local_fault",
]
KINDS = ["failover", "switchover", "dns", "restart"]
# Series without a label of its own, and those of one endpoint.
GLOBAL = [
    "relinkd_tcp_give_up_seconds", "relinkd_config_last_reload_successful",
    "relinkd_config_last_reload_success_timestamp_seconds", "process_cpu_seconds_total",
    "process_open_fds", "process_max_fds", "process_virtual_memory_bytes",
    "process_resident_memory_bytes", "process_start_time_seconds",
]
OF_ENDPOINT = [
    "relinkd_endpoint_up", "relinkd_last_failover_timestamp_seconds",
    "relinkd_last_failover_duration_seconds", "relinkd_dns_changes_total",
    "relinkd_idle_cut_seconds", "relinkd_incidents_open", "relinkd_ping_rtt_seconds_count",
]


@pytest.fixture
def server(lab):
    return lab.redis()


@pytest.fixture
def watcher(lab, server):
    return lab.watch_until_ok(endpoint("sessions", server.url()))


# ---------------------------------------------------------------------------------------- metrics


def test_every_counter_is_there_from_the_start_at_0(lab):
    # Nobody is there to connect to, so nothing can have been counted but attempts.
    scrape = lab.watch(endpoint("sessions", "redis://198.18.0.99:6379")).scrape()

    def values(name, label, **labels):
        return {dict(k)[label]: v for k, v in scrape.matching(name, **labels).items()}

    one = {"endpoint": "sessions"}
    assert values("relinkd_endpoint_condition", "condition", **one).keys() == set(CONDITIONS)
    assert values("relinkd_conditions_total", "condition", **one).keys() == set(CONDITIONS)
    assert values("relinkd_disconnects_total", "cause", **one) == dict.fromkeys(CAUSES, 0)
    assert values("relinkd_failovers_total", "kind", **one) == dict.fromkeys(KINDS, 0)
    assert values("relinkd_failover_seconds_count", "kind") == dict.fromkeys(KINDS, 0)
    results = values("relinkd_reconnects_total", "result", **one)
    assert results["ok"] == 0
    for name in OF_ENDPOINT:
        scrape.value(name, **one)
    for name in GLOBAL:
        scrape.value(name)
    assert values("relinkd_sysctl_wanted", "key") == {"net.ipv4.tcp_retries2": 5}
    assert values("relinkd_sysctl_value", "key") == {"net.ipv4.tcp_retries2": 15}
    assert values("relinkd_sysctl_ok", "key") == {"net.ipv4.tcp_retries2": 0}
    assert set(values("relinkd_build_info", "version").values()) == {1}
    detected = values("relinkd_detection_seconds_count", "condition")
    assert detected.keys() >= set(CONDITIONS) - {"unknown", "ok"}


def test_promtool_has_nothing_to_say(lab, server):
    watcher = lab.watch(
        endpoint("sessions", server.url()), endpoint("orders", "redis://198.18.0.99:6379")
    )
    watcher.wait_event("ok", "sessions")
    watcher.wait_event("unreachable", "orders")
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=watcher.scrape().text,
        capture_output=True, text=True, check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_metrics_port_serves_metrics_only(watcher):
    status, headers, body = watcher.get("/metrics")
    assert status == 200
    content_type = {k.lower(): v for k, v in headers.items()}["content-type"]
    assert content_type.startswith("text/plain; version=0.0.4")
    assert "relinkd_endpoint_up" in body
    assert watcher.get("/nothing")[0] == 404
    assert watcher.get("/metrics", "POST")[0] == 405


def test_nodes_and_their_roles(server, watcher):
    scrape = watcher.scrape()
    node = {"endpoint": "sessions", "node": server.host_port}
    assert scrape.value("relinkd_node_up", **node) == 1
    roles = {dict(k)["role"]: v for k, v in scrape.matching("relinkd_node_role", **node).items()}
    assert roles == {"unknown": 0, "primary": 1, "replica": 0}


def test_answers_are_counted_in_the_histogram(watcher):
    before = watcher.scrape().value("relinkd_ping_rtt_seconds_count", endpoint="sessions")
    watcher.wait_probes("sessions", 3)
    scrape = watcher.scrape()
    assert scrape.value("relinkd_ping_rtt_seconds_count", endpoint="sessions") >= before + 3
    assert scrape.value("relinkd_ping_rtt_seconds_sum", endpoint="sessions") > 0


def test_metrics_can_be_turned_off(lab, server):
    watcher = lab.watch(
        endpoint("sessions", server.url()), tables={"metrics": {"listen": ""}}, sample=False
    )
    watcher.wait_event("ok", "sessions")
    assert not watcher.status()["metrics_url"]
    listening = lab.client.run("ss", "-Htln")
    assert listening.strip() == ""


def test_a_metrics_port_that_is_taken_does_not_end_the_daemon(lab, server):
    taken = lab.client.listen("127.0.0.1", 10121)
    watcher = lab.watch(
        endpoint("sessions", server.url()),
        tables={"metrics": {"listen": "127.0.0.1:10121"}},
        sample=False,
        wait_ready=False,
    )
    watcher.lines.wait(lambda line: "10121" in line, "word of the port that is taken")
    taken.close()


# ------------------------------------------------------------------------- log, events and status


def test_each_event_is_a_line_of_the_log_with_time_and_level(server, watcher):
    mark = watcher.mark()
    server.restart()
    watcher.wait_event("server_restarted", "sessions", mark)
    watcher.wait_event("ok", "sessions", mark)
    levels = {3: "error", 4: "warning", 5: "notice", 6: "info"}
    for event in watcher.events.all():
        line = f"{levels[event.priority]} {event.message}"
        watcher.lines.wait(lambda told: told.endswith(line), line)
        assert re.fullmatch("[0-9a-f]{32}", event.message_id)
        if event.endpoint:
            assert event.message.startswith(f"{event.endpoint}: ")
    sequence = [event.sequence for event in watcher.events.all()]
    assert sequence == list(range(sequence[0], sequence[0] + len(sequence)))


def test_events_without_follow_are_the_same_and_end(watcher):
    done = watcher.relinkctl("events", "--json")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == len(watcher.events.all())


def test_the_log_has_a_line_a_transition_and_none_a_probe(watcher):
    before = len(watcher.lines.all())
    watcher.wait_probes("sessions", 5)
    # On a busy machine an answer may come late, and that is a transition.
    told = [line for line in watcher.lines.all(before) if not re.search(r" (slow|ok): ", line)]
    assert told == []


def test_an_incident_has_one_id_from_its_first_proof_to_recovery(server, watcher):
    mark = watcher.mark()
    server.kill()
    first = watcher.events.wait(lambda e: e.incident, "incident", mark)
    watcher.wait_event("refused", "sessions", mark)
    assert watcher.endpoint("sessions")["incident"] == first.incident
    assert watcher.scrape().value("relinkd_incidents_open", endpoint="sessions") == 1
    mark = watcher.mark()
    server.start()
    # On a busy machine the first answer may come late: that is recovery, too.
    recovered = watcher.events.wait(lambda e: e.event in ("ok", "slow"), "recovery", mark)
    assert recovered.incident == first.incident
    assert watcher.endpoint("sessions")["incident"] is None
    assert watcher.scrape().value("relinkd_incidents_open", endpoint="sessions") == 0


def test_status_as_json(server, watcher):
    status = watcher.status()
    assert status.keys() >= {
        "version", "pid", "started", "metrics_url", "config_loaded", "endpoints"
    }
    assert status["pid"] == watcher.pid
    one = status["endpoints"][0]
    assert one.keys() >= {
        "name", "url", "expect", "condition", "up", "since", "since_seconds", "detail", "incident",
        "idle_cut_seconds", "idle_cut_detail", "addresses", "disconnects", "nodes",
    }
    assert (one["name"], one["url"], one["expect"]) == ("sessions", server.url(), "primary")
    node = one["nodes"][0]
    assert node.keys() >= {
        "node", "condition", "role", "since", "since_seconds", "detail", "rtt_seconds",
        "last_reply", "connected_since", "server_version",
    }
    assert node["node"] == server.host_port
    assert node["role"] == "primary"
    assert node["rtt_seconds"] > 0
    assert node["server_version"] == server.client().info("server")["redis_version"]


def test_status_for_people(watcher):
    done = watcher.relinkctl("status")
    assert done.returncode == 0
    assert "sessions" in done.stdout
    assert "\033" not in done.stdout, "colour only on a terminal"
    assert watcher.relinkctl("status", "nothing-of-that-name").returncode != 0


def test_explain_and_unknown_words(watcher):
    for condition in CONDITIONS:
        done = watcher.relinkctl("explain", condition)
        assert done.returncode == 0
        assert len(done.stdout) > 100
    # States of apps' connections, some of which are called as conditions are.
    assert "its node is not" in watcher.relinkctl("explain", "black-holed").stdout
    both = watcher.relinkctl("explain", "stalled").stdout
    assert "\nstalled, of an app's connection: a connection of an application" in both
    done = watcher.relinkctl("explain", "half-opne")
    assert done.returncode != 0
    assert "half_open" in done.stderr


def test_who_is_not_root_may_not_order(lab, watcher):
    stranger = ["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups"]
    command = watcher.relinkctl_command("reload")
    done = subprocess.run([*stranger, *command], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "permission" in done.stderr.lower()
    assert watcher.relinkctl("reload").returncode == 0


# ---------------------------------------------------------------------------------------- systemd


def test_systemd_is_told_ready_status_and_the_end(lab, server, watcher):
    mark = len(watcher.notifications.all())
    watcher.wait_notification("STATUS=")
    server.kill()
    watcher.wait_event("refused", "sessions")
    watcher.wait_notification("STATUS=", mark)
    watcher.verify([])
    assert watcher.stop() == 0
    watcher.wait_notification("STOPPING=1")


def test_the_watchdog_is_fed_while_the_loop_runs(lab, server):
    watcher = lab.watch(
        endpoint("sessions", server.url()), environment={"WATCHDOG_USEC": "1000000"}
    )
    for _ in range(4):
        watcher.wait_notification("WATCHDOG=1", len(watcher.notifications.all()))


def test_the_end_is_in_order_and_soon(server, watcher):
    watcher.verify([])
    began = time.monotonic()
    assert watcher.stop() == 0
    assert time.monotonic() - began < 10
    assert not watcher.control_socket.exists()
    assert server.watchers() == []


def test_a_restarted_relinkd_starts_anew(server, watcher):
    watcher.restart()
    watcher.wait_event("ok", "sessions")
    assert watcher.disconnects("sessions") == {}
    # The PING connection and the idle one of the new daemon, none of the old.
    watcher.wait_probes("sessions", 2)
    assert len(server.watchers()) == 2


def test_a_killed_relinkd_leaves_nothing_in_the_way_of_the_next(server, watcher):
    watcher.kill()
    assert watcher.control_socket.exists()
    watcher.start()
    watcher.wait_event("ok", "sessions")
