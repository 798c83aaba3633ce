# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, by openssl(1)."""

import dataclasses
import pathlib

from network import run


@dataclasses.dataclass(frozen=True)
class Certificate:
    cert_file: pathlib.Path
    key_file: pathlib.Path


class Authority:
    """A certification authority of its own."""

    def __init__(self, folder: pathlib.Path, name: str = "ca"):
        self._folder = folder
        self._name = name
        self.ca_file = folder / f"{name}.pem"
        self._key = folder / f"{name}.key"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "30", "-subj", f"/CN=relinkd test {name}",
            "-keyout", str(self._key), "-out", str(self.ca_file))

    def issue(self, name: str, alternative_names: str, days: int = 30) -> Certificate:
        """A certificate for e.g. "DNS:redis.test,IP:198.18.0.2"; negative days: it has expired."""
        made = Certificate(
            self._folder / f"{self._name}-{name}.pem", self._folder / f"{self._name}-{name}.key"
        )
        request = self._folder / f"{self._name}-{name}.csr"
        extensions = self._folder / f"{self._name}-{name}.ext"
        extensions.write_text(f"subjectAltName={alternative_names}\n")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={name}", "-keyout", str(made.key_file), "-out", str(request))
        run("openssl", "x509", "-req", "-in", str(request), "-CA", str(self.ca_file),
            "-CAkey", str(self._key), "-CAcreateserial", "-days", str(days),
            "-extfile", str(extensions), "-out", str(made.cert_file))
        # The daemon under test runs as nobody and may present the certificate.
        made.key_file.chmod(0o644)
        return made
