# SPDX-License-Identifier: Apache-2.0
"""TLS: the reason of a failure is told in OpenSSL's words."""

import datetime

import pytest
from lab import Lab, endpoint
from network import run

NAME = "sessions"


@pytest.fixture
def authority(lab):
    return lab.authority()


def tls_server(lab, authority, **options):
    certificate = authority.issue("redis", f"IP:{Lab.address},DNS:redis.test")
    return lab.redis(tls=(authority, certificate), **options)


def wait_failed(watcher, *reasons):
    found = watcher.wait_event("tls_failed", NAME)
    print(found.message)
    assert any(reason in found.message for reason in reasons), found.message
    assert not watcher.endpoint(NAME)["up"]
    failed = watcher.scrape().value("relinkd_reconnects_total", endpoint=NAME, result="tls")
    assert failed >= 1
    return found


def test_a_certificate_that_fits(lab, authority):
    certificate = authority.issue("redis", f"IP:{Lab.address}", days=20)
    server = lab.redis(tls=(authority, certificate))
    watcher = lab.watch_until_ok(
        endpoint(NAME, server.url("rediss"), tls={"ca_file": authority.ca_file})
    )
    told = watcher.scrape().value(
        "relinkd_tls_certificate_expiry_timestamp_seconds", endpoint=NAME
    )
    end = run("openssl", "x509", "-noout", "-enddate", "-in", str(certificate.cert_file))
    written = datetime.datetime.strptime(end.strip(), "notAfter=%b %d %H:%M:%S %Y %Z")
    assert told == written.replace(tzinfo=datetime.timezone.utc).timestamp()


def test_an_expired_certificate(lab, authority):
    server = lab.redis(tls=(authority, authority.issue("redis", f"IP:{Lab.address}", days=-1)))
    watcher = lab.watch(endpoint(NAME, server.url("rediss"), tls={"ca_file": authority.ca_file}))
    wait_failed(watcher, "certificate has expired")


def test_a_certificate_for_another_name(lab, authority):
    server = lab.redis(tls=(authority, authority.issue("redis", "IP:198.18.9.9,DNS:other.test")))
    watcher = lab.watch(endpoint(NAME, server.url("rediss"), tls={"ca_file": authority.ca_file}))
    found = wait_failed(watcher, "mismatch")
    # Both names are told: what the certificate is for, and what was expected.
    assert "other.test" in found.message
    assert Lab.address in found.message.partition("certificate")[2]


def test_a_certificate_of_an_unknown_authority(lab, authority):
    server = tls_server(lab, authority)
    stranger = lab.authority("stranger")
    watcher = lab.watch(endpoint(NAME, server.url("rediss"), tls={"ca_file": stranger.ca_file}))
    wait_failed(watcher, "unable to get local issuer certificate", "self-signed certificate",
                "unable to verify")


def test_the_systems_trust_store_does_not_know_a_private_authority(lab, authority):
    server = tls_server(lab, authority)
    watcher = lab.watch(endpoint(NAME, server.url("rediss")))
    wait_failed(watcher, "unable to get local issuer certificate", "self-signed certificate",
                "unable to verify")


def test_verification_can_be_turned_off(lab, authority):
    server = tls_server(lab, authority)
    lab.watch_until_ok(endpoint(NAME, server.url("rediss"), tls={"verify": False}))


def test_the_name_to_expect_can_be_given(lab, authority):
    server = lab.redis(tls=(authority, authority.issue("redis", "DNS:other.test")))
    lab.watch_until_ok(
        endpoint(
            NAME,
            server.url("rediss"),
            tls={"ca_file": authority.ca_file, "server_name": "other.test"},
        )
    )


def test_a_client_certificate_that_the_server_asks_for(lab, authority):
    server = tls_server(lab, authority, ask_client_certificate=True)
    mine = authority.issue("relinkd", "DNS:relinkd.test")
    lab.watch_until_ok(
        endpoint(
            NAME,
            server.url("rediss"),
            tls={
                "ca_file": authority.ca_file,
                "cert_file": mine.cert_file,
                "key_file": mine.key_file,
            },
        )
    )


def test_no_client_certificate_where_one_is_asked_for(lab, authority):
    server = tls_server(lab, authority, ask_client_certificate=True)
    watcher = lab.watch(endpoint(NAME, server.url("rediss"), tls={"ca_file": authority.ca_file}))
    wait_failed(watcher, "certificate required", "handshake failure")


def test_tls_to_a_plain_port(lab, authority):
    server = lab.redis()
    watcher = lab.watch(endpoint(NAME, server.url("rediss"), tls={"ca_file": authority.ca_file}))
    wait_failed(watcher, "")


def test_no_tls_to_a_tls_port(lab, authority):
    server = tls_server(lab, authority)
    watcher = lab.watch(endpoint(NAME, server.url()))
    found = watcher.wait_event("tls_failed", NAME)
    print(found.message)
    assert "TLS" in found.message
    assert not watcher.endpoint(NAME)["up"]


def test_a_renewed_certificate_is_taken_by_the_next_attempt(lab, authority):
    server = lab.redis(tls=(authority, authority.issue("redis", f"IP:{Lab.address}", days=-1)))
    watcher = lab.watch(endpoint(NAME, server.url("rediss"), tls={"ca_file": authority.ca_file}))
    wait_failed(watcher, "expired")
    server.close()
    tls_server(lab, authority)
    watcher.wait_event("ok", NAME)
