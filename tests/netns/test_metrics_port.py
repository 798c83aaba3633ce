# SPDX-License-Identifier: Apache-2.0
"""The metrics port with TLS, client certificates and passwords, as a real Prometheus scrapes it from
another host."""

import dataclasses
import os
import pathlib
import shutil

import pytest
from lab import endpoint
from network import CLIENT, run
from prometheus import Prometheus
from watcher import NOBODY

HOST = str(CLIENT.ip)
TARGET = f"{HOST}:10121"
# Without anything of its own: what is tested is the port.
IDLE = endpoint("sessions", "redis://198.18.0.99:6379")


def private(file: pathlib.Path) -> pathlib.Path:
    """Readable for the daemon alone."""
    file.chmod(0o400)
    os.chown(file, NOBODY, NOBODY)
    return file


def install(made, folder: pathlib.Path) -> None:
    """Puts a certificate and its key in the place of those in the folder."""
    for source, name in ((made.cert_file, "cert.pem"), (made.key_file, "key.pem")):
        new = folder / f"{name}.new"
        shutil.copy(source, new)
        private(new).rename(folder / name)


@dataclasses.dataclass
class Port:
    """The files of the port, and of those who may scrape it."""

    folder: pathlib.Path
    authority: object
    password: str
    client: object

    @property
    def table(self) -> dict:
        return {
            "listen": TARGET,
            "tls": {
                "cert_file": self.folder / "cert.pem",
                "key_file": self.folder / "key.pem",
                "client_ca_file": self.authority.ca_file,
            },
            "users_file": self.folder / "users",
        }

    def scrape(self, *, client=None, password: str | None = "", scheme: str = "https") -> dict:
        """A scrape_config with all that is needed; `client`: another certificate, False: none."""
        tls = {"ca_file": str(self.authority.ca_file)}
        if client is not False:
            shown = client or self.client
            tls |= {"cert_file": str(shown.cert_file), "key_file": str(shown.key_file)}
        way = {"scheme": scheme, **({"tls_config": tls} if scheme == "https" else {})}
        if password is not None:
            way["basic_auth"] = {"username": "prometheus", "password": password or self.password}
        return way


@pytest.fixture
def port(lab):
    folder = lab.make_folder("metrics-port")
    authority = lab.authority()
    install(authority.issue("relinkd", f"IP:{HOST}"), folder)
    password = lab.secret()
    users = folder / "users"
    users.write_text(f"# who scrapes\nprometheus:{run('openssl', 'passwd', '-6', password)}")
    private(users)
    return Port(folder, authority, password, authority.issue("prometheus", "DNS:prometheus"))


@pytest.fixture
def scraper(lab):
    """Starts a Prometheus on the other host."""

    def start(**ways: dict) -> Prometheus:
        target = {"static_configs": [{"targets": [TARGET]}]}
        jobs = {name: target | way for name, way in ways.items()}
        made = Prometheus(lab.server, lab.new_folder("prometheus"), jobs)
        lab.cleanup(made.stop)
        return made

    return start


def watch(lab, port, **options):
    return lab.watch(IDLE, tables={"metrics": port.table}, sample=False, **options)


def key_lines(folder: pathlib.Path) -> list[str]:
    return [line for line in (folder / "key.pem").read_text().split() if len(line) > 20]


def test_prometheus_with_certificate_and_password_scrapes_and_others_do_not(lab, port, scraper):
    watcher = watch(lab, port)
    assert watcher.status()["metrics_url"] == f"https://{TARGET}/metrics"
    stranger = lab.authority("stranger").issue("prometheus", "DNS:prometheus")
    refusals = {
        "no_password": (port.scrape(password=None), "401 Unauthorized"),
        "wrong_password": (port.scrape(password="guess"), "401 Unauthorized"),
        "no_certificate": (port.scrape(client=False), "tls: certificate required"),
        "foreign_certificate": (port.scrape(client=stranger), "tls: unknown certificate authority"),
        "plain_http": (port.scrape(scheme="http"), "EOF"),
    }
    prometheus = scraper(right=port.scrape(), **{name: way for name, (way, _) in refusals.items()})
    prometheus.wait_value('up{job="right"}', 1)
    prometheus.wait_value('relinkd_endpoint_up{job="right",endpoint="sessions"}', 0)
    for job, (_, reason) in refusals.items():
        prometheus.wait_value(f'up{{job="{job}"}}', 0)
        told = prometheus.error(job)
        # Where there is no answer, a reset may overtake the alert that tells the reason.
        cut = "connection reset" in told or "broken pipe" in told
        assert reason in told or ("password" not in job and cut), told
    assert prometheus.error("right") == ""
    prometheus.wait_value('count(relinkd_build_info)', 1)
    for place, text in watcher.outputs().items():
        for line in key_lines(port.folder):
            assert line not in text, f"the key is in the {place}"


def test_a_renewed_certificate_is_taken_over_while_prometheus_scrapes(lab, port, scraper):
    watcher = watch(lab, port)
    prometheus = scraper(right=port.scrape())
    prometheus.wait_value('up{job="right"}', 1)

    def shown() -> str:
        # The client certificate makes no difference to what the server shows.
        told = lab.server.run(
            "openssl", "s_client", "-connect", TARGET, "-cert", str(port.client.cert_file),
            "-key", str(port.client.key_file), stdin="",
        )
        return run("openssl", "x509", "-noout", "-serial", stdin=told)

    first = shown()
    install(port.authority.issue("relinkd", f"IP:{HOST}"), port.folder)
    assert watcher.relinkctl("reload").returncode == 0
    second = shown()
    assert second != first
    # One that does not fit is refused with the reason, and what works goes on.
    (port.folder / "key.pem").unlink()
    done = watcher.relinkctl("reload")
    assert done.returncode != 0
    assert f"metrics.tls.key_file {port.folder}/key.pem cannot be read" in done.stderr + done.stdout
    assert shown() == second
    prometheus.wait_value('min_over_time(up{job="right"}[1m])', 1)
    prometheus.wait_value('count_over_time(up{job="right"}[1m]) > bool 2', 1)


@pytest.mark.parametrize("missing", ["cert.pem", "key.pem", "users"])
def test_a_file_that_cannot_be_read_is_an_error_at_the_start(lab, port, missing):
    # Not the daemon's: it needs the right to read it.
    os.chown(port.folder / missing, 0, 0)
    watcher = watch(lab, port, wait_ready=False)
    assert watcher.wait_end() == 78
    told = watcher.log()
    assert f"{port.folder / missing} cannot be read: Permission denied; relinkd reads it as" in told


def test_a_password_for_this_host_alone_needs_no_tls(lab, port):
    table = {"listen": "127.0.0.1:10121", "users_file": port.folder / "users"}
    watcher = lab.watch(IDLE, tables={"metrics": table}, sample=False)
    status, headers, body = watcher.get()
    assert status == 401
    assert headers["WWW-Authenticate"].startswith("Basic ")
    assert "users_file" in body


def test_a_password_in_clear_over_the_network_is_refused(lab, port):
    table = {"listen": TARGET, "users_file": port.folder / "users"}
    watcher = lab.watch(IDLE, tables={"metrics": table}, sample=False, wait_ready=False)
    assert watcher.wait_end() == 78
    assert "metrics.users_file: passwords would cross the network in clear" in watcher.log()
