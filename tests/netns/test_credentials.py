# SPDX-License-Identifier: Apache-2.0
"""Users, passwords and what they may do. That no output holds a password, each test checks."""

from lab import endpoint
from watcher import wait_until

NAME = "sessions"


def wait_refused(watcher, code):
    found = watcher.wait_event("auth_failed", NAME)
    # Which of them: the server's own word.
    assert code in found.message, found.message
    assert not watcher.endpoint(NAME)["up"]
    return found


def test_a_wrong_password_and_then_the_right_one(lab):
    right, wrong = lab.secret(), lab.secret()
    server = lab.redis(password=right)
    file = lab.secret_file(wrong)
    watcher = lab.watch(endpoint(NAME, server.url(), password={"file": file}))
    wait_refused(watcher, "WRONGPASS")
    assert watcher.disconnects(NAME).get("auth", 0) >= 1
    auth = watcher.scrape().value("relinkd_reconnects_total", endpoint=NAME, result="auth")
    assert auth >= 1
    # Secrets are read when they are needed: the next attempt finds the right one.
    file.chmod(0o600)
    file.write_text(right)
    file.chmod(0o400)
    watcher.wait_event("ok", NAME)


def test_no_password_given_where_one_is_needed(lab):
    server = lab.redis(password=lab.secret())
    watcher = lab.watch(endpoint(NAME, server.url()))
    wait_refused(watcher, "NOAUTH")


def test_a_password_and_user_that_fit(lab):
    password = lab.secret()
    server = lab.redis()
    server.client().acl_setuser("relinkd", enabled=True, passwords=["+" + password],
                                commands=["+ping", "+role", "+info", "+client|setname"])
    watcher = lab.watch_until_ok(
        endpoint(NAME, server.url(user="relinkd"), password={"file": lab.secret_file(password)})
    )
    assert {c["user"] for c in server.watchers()} == {"relinkd"}
    assert {c["name"] for c in server.watchers()} == {"relinkd"}
    assert watcher.disconnects(NAME) == {}


def test_a_password_from_a_systemd_credential(lab):
    password = lab.secret()
    server = lab.redis(password=password)
    file = lab.secret_file(password)
    folder = file.parent
    file.rename(folder / "sessions")
    lab.watch_until_ok(
        endpoint(NAME, server.url(), password={"credential": "sessions"}),
        environment={"CREDENTIALS_DIRECTORY": str(folder)},
    )


def test_a_user_who_may_not_ping(lab):
    password = lab.secret()
    server = lab.redis()
    server.client().acl_setuser("relinkd", enabled=True, passwords=["+" + password],
                                commands=["+role", "+info"])
    watcher = lab.watch(
        endpoint(NAME, server.url(user="relinkd"), password={"file": lab.secret_file(password)})
    )
    found = wait_refused(watcher, "NOPERM")
    assert "ping" in found.message.lower()


def test_a_user_who_may_only_ping_is_enough_for_the_watch(lab):
    password = lab.secret()
    server = lab.redis()
    server.client().acl_setuser("relinkd", enabled=True, passwords=["+" + password],
                                commands=["+ping"])
    watcher = lab.watch_until_ok(
        endpoint(NAME, server.url(user="relinkd"), password={"file": lab.secret_file(password)})
    )
    # What a server refuses that relinkd can do without is not asked again.
    watcher.wait_probes(NAME, 2)
    denied = server.client().acl_log()
    watcher.wait_probes(NAME, 8)
    assert len(server.client().acl_log()) == len(denied)
    assert sum(entry["count"] for entry in server.client().acl_log()) == sum(
        entry["count"] for entry in denied
    )
    assert watcher.endpoint(NAME)["nodes"][0]["role"] == "unknown"


def test_a_secret_that_cannot_be_read_is_told_and_does_not_end_the_daemon(lab):
    server = lab.redis(password=lab.secret())
    file = lab.secret_file(lab.secret())
    other = lab.redis(lab.other_address)
    watcher = lab.watch(
        endpoint(NAME, server.url(), password={"file": file}), endpoint("orders", other.url())
    )
    watcher.wait_event("auth_failed", NAME)
    file.unlink()
    # The condition stays, its reason is another.
    wait_until(lambda: file.name in watcher.endpoint(NAME)["detail"], "word of the missing file")
    watcher.wait_event("ok", "orders")
    assert watcher.running


def test_a_password_in_a_url_is_refused_with_the_way_to_give_it(lab):
    password = lab.secret()
    watcher = lab.watch(
        endpoint(NAME, f"redis://relinkd:{password}@{lab.address}:6379"), wait_ready=False
    )
    assert watcher.wait_end() != 0
    assert "password" in watcher.log()
    assert "file" in watcher.log()
