# SPDX-License-Identifier: Apache-2.0
"""Start and reload: every error in one run, and what did not change is not disturbed."""

import json
import pathlib
import re
import signal
import subprocess

import pytest
from lab import Lab, endpoint
from watcher import PATIENCE, program

BAD = """
[watch]
ping_intervall = "1s"
command_timeout = "1h"
slow_threshold = 5

[[endpoint]]
name = "sessions"
url = "redis://127.0.0.1:6379"

[[endpoint]]
name = "sessions"
url = "gopher://127.0.0.1"
"""
# Line, and what has to be said there.
ERRORS = [(3, "ping_interval"), (4, "command_timeout"), (5, "slow_threshold"), (12, "sessions"),
          (13, "gopher")]


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def assert_names_all_errors(text, file):
    for line, word in ERRORS:
        assert re.search(rf"^.*{re.escape(str(file))}:{line}:\d+: .*{word}", text, re.M), (
            f"no error in line {line} about {word}:\n{text}"
        )


@pytest.fixture
def bad_file(lab):
    file = lab.make_folder("bad") / "relinkd.toml"
    file.write_text(BAD)
    return file


def test_check_accepts_a_good_file(lab):
    file = lab.make_folder("good") / "relinkd.toml"
    file.write_text('[[endpoint]]\nname = "sessions"\nurl = "redis://127.0.0.1"\n')
    assert run(program("relinkd"), "--config", file, "--check").returncode == 0
    assert run(program("relinkctl"), "config", "check", file).returncode == 0


def test_check_tells_every_error_with_its_place(bad_file):
    for command in (
        [program("relinkd"), "--config", bad_file, "--check"],
        [program("relinkctl"), "config", "check", bad_file],
    ):
        done = run(*command)
        assert done.returncode not in (0, -signal.SIGABRT, -signal.SIGSEGV)
        assert_names_all_errors(done.stdout + done.stderr, bad_file)


def test_check_tells_of_secrets_that_cannot_be_read(lab):
    file = lab.make_folder("secrets") / "relinkd.toml"
    file.write_text(
        '[[endpoint]]\nname = "orders"\nurl = "redis-sentinel://127.0.0.1#mymaster"\n'
        'password = { file = "/nonexistent/node" }\n'
        'sentinel = { password = { file = "/nonexistent/sentinel" } }\n'
    )
    done = run(program("relinkd"), "--config", file, "--check")
    assert done.returncode == 1
    for secret in ("/nonexistent/node", "/nonexistent/sentinel"):
        assert f"endpoint orders: cannot read the password file {secret}: " in done.stderr


def test_a_start_with_errors_is_refused_with_all_of_them(lab):
    watcher = lab.watch(endpoint("unused", "redis://127.0.0.1"), wait_ready=False,
                        arguments=["--config", str(lab.folder / "bad.toml")])
    # It was started before the file was there: that is an error, too.
    assert watcher.wait_end() != 0
    assert "bad.toml" in watcher.log()


def test_a_bad_file_at_start_ends_relinkd_with_every_error(bad_file):
    done = run(program("relinkd"), "--config", bad_file)
    assert done.returncode > 0
    assert_names_all_errors(done.stdout + done.stderr, bad_file)


def test_without_a_file_the_local_server_is_watched(lab):
    # /etc is a private copy here.
    assert not pathlib.Path("/etc/relinkd").exists()
    done = lab.client.run(program("relinkctl"), "config", "show", "--json")
    assert "redis://127.0.0.1:6379" in done


def test_drop_ins_accumulate_endpoints(lab):
    server = lab.redis()
    folder = lab.make_folder("relinkd-0")
    drop_in = folder / "conf.d" / "10-orders.toml"
    drop_in.parent.mkdir(mode=0o755)
    drop_in.write_text(f'[[endpoint]]\nname = "orders"\nurl = "{server.url()}"\n')
    watcher = lab.watch(endpoint("sessions", server.url()))
    watcher.wait_event("ok", "sessions")
    watcher.wait_event("ok", "orders")


def test_endpoints_on_the_command_line(lab):
    server = lab.redis()
    folder = lab.make_folder("relinkd-0")
    file = folder / "relinkd.toml"
    watcher = lab.watch(arguments=["--config", str(file), "--endpoint", server.url()])
    watcher.wait_event("ok", server.host_port)


# ----------------------------------------------------------------------------------------- reload


def by_signal(watcher):
    watcher.signal(signal.SIGHUP)
    return None


def by_relinkctl(watcher):
    return watcher.relinkctl("reload")


BOTH = pytest.mark.parametrize("reload", [by_signal, by_relinkctl])


@BOTH
def test_a_reload_disturbs_only_what_changed(lab, reload):
    unchanged, changed = lab.redis(), lab.redis(Lab.other_address)
    added, removed = lab.redis(Lab.third_address), lab.redis(Lab.address, 6390)
    watcher = lab.watch_until_ok(
        endpoint("unchanged", unchanged.url()),
        endpoint("changed", changed.url()),
        endpoint("removed", removed.url()),
    )
    before = {c["id"]: c["addr"] for c in unchanged.watchers()}
    mark, told = watcher.mark(), len(watcher.notifications.all())
    elsewhere = lab.redis(Lab.other_address, 6391)
    watcher.configure(
        [
            endpoint("unchanged", unchanged.url()),
            endpoint("changed", elsewhere.url()),
            endpoint("added", added.url()),
        ]
    )
    done = reload(watcher)
    if done:
        assert done.returncode == 0, done.stderr
    watcher.wait_event("config_reloaded", since=mark)
    for name in ("changed", "added"):
        watcher.wait_event("ok", name, mark)
    watcher.wait_probes("unchanged", 2)
    # The very connections, by their ports.
    assert {c["id"]: c["addr"] for c in unchanged.watchers()} == before
    assert watcher.course("unchanged", mark) == []
    assert watcher.disconnects("unchanged") == {}
    assert removed.watchers() == []
    assert changed.watchers() == []
    names = [e["name"] for e in watcher.status()["endpoints"]]
    assert names == ["unchanged", "changed", "added"]
    scrape = watcher.scrape()
    assert scrape.endpoints() == names
    assert "removed" not in scrape.text
    assert scrape.value("relinkd_config_last_reload_successful") == 1
    # systemd is told when it begins (with the time, for Type=notify-reload) and when it is done.
    watcher.wait_notification("RELOADING=1", told)
    watcher.wait_notification("MONOTONIC_USEC=", told)
    watcher.wait_notification("READY=1", told)


@BOTH
def test_a_bad_file_is_refused_and_the_old_configuration_stays(lab, reload):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    before = {c["id"] for c in server.watchers()}
    mark, told = watcher.mark(), len(watcher.notifications.all())
    first = watcher.scrape().value("relinkd_config_last_reload_success_timestamp_seconds")
    watcher.write_config(BAD)
    done = reload(watcher)
    if done:
        assert done.returncode != 0
        assert_names_all_errors(done.stdout + done.stderr, watcher.config)
    refused = watcher.wait_event("config_refused", since=mark)
    watcher.wait_line(str(watcher.config))
    assert refused.priority <= 4
    watcher.wait_notification("READY=1", told)
    scrape = watcher.scrape()
    assert scrape.value("relinkd_config_last_reload_successful") == 0
    assert scrape.value("relinkd_config_last_reload_success_timestamp_seconds") == first
    watcher.wait_probes("sessions", 2)
    assert {c["id"] for c in server.watchers()} == before
    # Corrected, it is taken.
    watcher.configure([endpoint("sessions", server.url())])
    reload(watcher)
    watcher.wait_event("config_reloaded", since=mark)
    assert watcher.scrape().value("relinkd_config_last_reload_successful") == 1
    assert {c["id"] for c in server.watchers()} == before


def test_new_limits_take_effect_without_a_new_connection(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    before = {c["id"] for c in server.watchers()}
    mark = watcher.mark()
    watcher.configure([endpoint("sessions", server.url(), ping_interval="200ms")])
    assert by_relinkctl(watcher).returncode == 0
    done = watcher.wait_event("config_reloaded", since=mark)
    watcher.wait_probes("sessions", 10)
    probes = [p for p in lab.tap.packets(6379, since=done.when) if p.payload]
    assert len(probes) >= 10
    values = json.loads(watcher.relinkctl("config", "show", "--json").stdout)
    assert "200ms" in json.dumps(values)
    assert before & {c["id"] for c in server.watchers()}


def test_metrics_move_to_another_port_by_reload(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("sessions", server.url()))
    text = watcher.config_text([endpoint("sessions", server.url())])
    with watcher.unscraped():
        watcher.write_config(text.replace("127.0.0.1:0", "[::1]:10133"))
        assert by_relinkctl(watcher).returncode == 0
        watcher.forget_metrics_address()
        assert watcher.metrics_address() == ("::1", 10133)
        assert watcher.scrape().value("relinkd_endpoint_up", endpoint="sessions") == 1
