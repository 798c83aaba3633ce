# SPDX-License-Identifier: Apache-2.0
"""Kinds of endpoint, and the one-shot commands of relinkctl."""

import os
import re
import subprocess

import pytest
from lab import Lab, endpoint
from watcher import NOBODY, PATIENCE, program

OK, WARNING, CRITICAL, UNKNOWN = range(4)


def relinkctl(lab, *arguments):
    return subprocess.run(
        lab.client.command(program("relinkctl"), *arguments),
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )


def test_a_server_behind_a_unix_socket(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("local", f"unix://{server.unix_socket}"))
    mark = watcher.mark()
    server.kill()
    watcher.wait_event("refused", "local", mark)
    server.start()
    watcher.wait_event("ok", "local", mark)
    assert set(watcher.course("local", mark)) <= {"peer_closed", "reset", "refused", "ok"}


def test_a_unix_socket_whose_server_is_stopped(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("local", f"unix://{server.unix_socket}"))
    mark = watcher.mark()
    server.freeze()
    watcher.wait_course("local", "stalled", since=mark)
    server.thaw()
    watcher.wait_course("local", "stalled", "ok", since=mark)
    assert watcher.disconnects("local") == {}


def test_endpoints_are_watched_independently(lab):
    servers = [lab.redis(), lab.redis(Lab.other_address), lab.redis(Lab.address6)]
    names = ["one", "two", "three"]
    watcher = lab.watch_until_ok(*(endpoint(n, s.url()) for n, s in zip(names, servers)))
    mark = watcher.mark()
    servers[1].kill()
    watcher.wait_event("refused", "two", mark)
    watcher.wait_probes("one", 3)
    for name in ("one", "three"):
        assert watcher.course(name, mark) == []
        assert watcher.endpoint(name)["up"]


def test_two_endpoints_may_name_the_same_server(lab):
    server = lab.redis()
    watcher = lab.watch_until_ok(endpoint("a", server.url()), endpoint("b", server.url()))
    assert len(server.watchers()) == 4
    assert watcher.scrape().endpoints() == ["a", "b"]


# -------------------------------------------------------------------------------------- relinkctl


def test_check_of_a_server_that_is_fine(lab):
    done = relinkctl(lab, "check", lab.redis().url())
    print(done.stdout)
    assert done.returncode == OK, done.stderr
    assert "primary" in done.stdout


def test_check_of_a_server_that_is_not_there(lab):
    done = relinkctl(lab, "check", f"redis://{Lab.address}:6379")
    assert done.returncode == CRITICAL
    assert "refused" in done.stdout + done.stderr


def test_check_with_a_wrong_password_names_it_without_showing_it(lab):
    server = lab.redis(password=lab.secret())
    wrong = lab.secret()
    done = relinkctl(
        lab, "check", server.url(), "--password-file", str(lab.secret_file(wrong))
    )
    assert done.returncode == CRITICAL
    assert "WRONGPASS" in done.stdout + done.stderr
    assert wrong not in done.stdout + done.stderr


def test_check_of_a_replica_where_a_primary_is_expected(lab):
    server = lab.redis()
    server.client().replicaof(Lab.other_address, 1)
    assert relinkctl(lab, "check", server.url()).returncode == CRITICAL
    assert relinkctl(lab, "check", server.url(), "--expect", "replica").returncode in (OK, WARNING)


def test_check_over_tls(lab):
    authority = lab.authority()
    server = lab.redis(tls=(authority, authority.issue("redis", f"IP:{Lab.address}")))
    good = relinkctl(lab, "check", server.url("rediss"), "--ca-file", str(authority.ca_file))
    assert good.returncode == OK, good.stdout + good.stderr
    bad = relinkctl(lab, "check", server.url("rediss"))
    assert bad.returncode == CRITICAL
    assert "certificate" in bad.stdout + bad.stderr


def test_check_of_nonsense_is_usage(lab):
    assert relinkctl(lab, "check", "gopher://x").returncode == UNKNOWN
    assert relinkctl(lab, "check").returncode == UNKNOWN


# Whether it lasts is a matter of this host's files: test_sysctl_boot.py has files of its own.
@pytest.mark.parametrize(("value", "verdicts"), [(15, {WARNING, CRITICAL}), (5, {OK, WARNING})])
def test_sysctl_check_reads_its_own_network_namespace(lab, value, verdicts):
    lab.client.set_sysctl("net.ipv4.tcp_retries2", value)
    done = relinkctl(lab, "sysctl", "check")
    print(done.stdout)
    assert done.returncode in verdicts
    assert re.search(rf"^net.ipv4.tcp_retries2 +{value} ", done.stdout, re.M)


def test_without_a_daemon_relinkctl_says_what_to_do(lab):
    done = relinkctl(lab, "--socket", str(lab.folder / "nothing.sock"), "status")
    assert done.returncode != 0
    assert "relinkd is not running" in done.stderr


def test_relinkd_needs_no_privilege_and_takes_none(lab):
    watcher = lab.watch_until_ok(endpoint("sessions", lab.redis().url()))
    status = open(f"/proc/{watcher.pid}/status", encoding="ascii").read()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(fields["Uid"].split()) == {str(NOBODY)}
    for capabilities in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
        assert int(fields[capabilities], 16) == 0
    assert fields["Threads"] == "1"
    assert os.path.exists(watcher.control_socket)
