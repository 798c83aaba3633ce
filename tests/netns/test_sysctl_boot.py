# SPDX-License-Identifier: Apache-2.0
"""What a sysctl is after a reboot: what relinkctl says is what the real systemd-sysctl does."""

import json
import os
import pathlib
import random
import subprocess

import pytest
from collector import PATIENCE, program
from config_text import to_config
from sysctl_trees import (CONF, DEV_NULL, FOLDER, FOLDERS, KEYS, NOWHERE, TO_CONF, boot, describe,
                          own_folders, plant, tree_by_chance)

RETRIES2 = "net.ipv4.tcp_retries2"
TREES_BY_CHANCE = 200


@pytest.fixture(scope="module", autouse=True)
def folders():
    with own_folders():
        yield


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    file = tmp_path_factory.mktemp("config") / "relinkd.toml"
    file.write_text(to_config({"sysctl.want": dict.fromkeys(KEYS, 5)}, []))
    return file


def said(config: pathlib.Path) -> dict[str, dict]:
    """What relinkctl says of each key's value after a reboot."""
    done = subprocess.run(
        [program("relinkctl"), "--config", config, "sysctl", "check", "--json"],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )
    assert done.stdout, done.stderr
    return {line["key"]: line["after_reboot"] for line in json.loads(done.stdout)["keys"]}


def assert_said_what_is_done(config: pathlib.Path, tree: dict[str, str]) -> dict[str, dict]:
    plant(tree)
    done = boot()
    told = said(config)
    for key, value in done.items():
        # Nothing: what the kernel begins with, which boot() has put there.
        expected = KEYS[key] if told[key]["value"] is None else told[key]["value"]
        assert expected == value, (
            f"{key} is {value} after a boot, and relinkctl says {told[key]}:\n{describe(tree)}"
        )
    return told


# Each tree, who decides about tcp_retries2 (file and line; None: nobody), and what it is then.
TABLE = {
    "nothing at all": ({}, None, 15),
    "one file": ({"etc/90-relinkd.conf": f"{RETRIES2} = 5\n"}, ("etc/90-relinkd.conf", 1), 5),
    "the line, counted with comments": (
        {"etc/90-relinkd.conf": f"# one\n\n; three\n{RETRIES2} = 5\n"}, ("etc/90-relinkd.conf", 4), 5),
    "the later name wins, whatever its folder": (
        {"etc/90-relinkd.conf": f"{RETRIES2}=5", "lib/91-vendor.conf": f"{RETRIES2}=9"},
        ("lib/91-vendor.conf", 1), 9),
    "names are in the order of bytes, not of numbers": (
        {"etc/9-x.conf": f"{RETRIES2}=5", "etc/10-x.conf": f"{RETRIES2}=9"}, ("etc/9-x.conf", 1), 5),
    "/etc masks /run": (
        {"etc/1.conf": f"{RETRIES2}=5", "run/1.conf": f"{RETRIES2}=9"}, ("etc/1.conf", 1), 5),
    "/run masks /usr/local/lib": (
        {"run/1.conf": f"{RETRIES2}=5", "local/1.conf": f"{RETRIES2}=9"}, ("run/1.conf", 1), 5),
    "/usr/local/lib masks /usr/lib": (
        {"local/1.conf": f"{RETRIES2}=5", "lib/1.conf": f"{RETRIES2}=9"}, ("local/1.conf", 1), 5),
    "a link to /dev/null masks": ({"etc/1.conf": DEV_NULL, "lib/1.conf": f"{RETRIES2}=9"}, None, 15),
    "an empty file masks": ({"etc/1.conf": "", "lib/1.conf": f"{RETRIES2}=9"}, None, 15),
    "a link to nothing masks": ({"etc/1.conf": NOWHERE, "lib/1.conf": f"{RETRIES2}=9"}, None, 15),
    "a folder masks": ({"etc/1.conf": FOLDER, "lib/1.conf": f"{RETRIES2}=9"}, None, 15),
    "Debian's link has /etc/sysctl.conf beat 90-": (
        {"etc/90-relinkd.conf": f"{RETRIES2}=5", "etc/99-sysctl.conf": TO_CONF,
         "conf": f"#\n{RETRIES2}=8\n"}, ("etc/99-sysctl.conf", 2), 8),
    "/etc/sysctl.conf without a link is not read": (
        {"etc/90-relinkd.conf": f"{RETRIES2}=5", "conf": f"{RETRIES2}=8\n"},
        ("etc/90-relinkd.conf", 1), 5),
    "an exact key beats a later pattern": (
        {"etc/1.conf": f"{RETRIES2}=5", "etc/2.conf": "net.ipv4.tcp_retries*=9"}, ("etc/1.conf", 1), 5),
    "a dash without a value keeps patterns away": (
        {"etc/1.conf": f"-{RETRIES2}", "etc/2.conf": "net.ipv4.tcp_retries*=9"}, ("etc/1.conf", 1), 15),
    "a dash with a value only forgives failures": (
        {"etc/1.conf": f"-{RETRIES2} = 5"}, ("etc/1.conf", 1), 5),
    "a later exclusion takes an assignment back": (
        {"etc/1.conf": f"{RETRIES2}=5", "etc/2.conf": f"-{RETRIES2}"}, ("etc/2.conf", 1), 15),
    "of two patterns the later one": (
        {"etc/1.conf": "net.ipv4.tcp_r*2=5\nnet.ipv4.tcp_retries*=9"}, ("etc/1.conf", 2), 9),
    "a pattern that is repeated keeps its place": (
        {"etc/1.conf": "net.ipv4.tcp_r*2=5\nnet.ipv4.tcp_retries*=9\nnet.ipv4.tcp_r*2=5"},
        ("etc/1.conf", 2), 9),
    "a pattern with another value moves to the end": (
        {"etc/1.conf": "net.ipv4.tcp_r*2=4\nnet.ipv4.tcp_retries*=9\nnet.ipv4.tcp_r*2=5"},
        ("etc/1.conf", 3), 5),
    "slashes": ({"etc/1.conf": "net/ipv4/tcp_retries2=5"}, ("etc/1.conf", 1), 5),
    "a mixture is another key": ({"etc/1.conf": "net/ipv4.tcp_retries2=5"}, None, 15),
    "braces, where there is a star": (
        {"etc/1.conf": "net.ipv4.tcp_{retries2,x}*=5"}, ("etc/1.conf", 1), 5),
    "no braces without": ({"etc/1.conf": "net.ipv4.tcp_{retries2,x}=5"}, None, 15),
    "a value that the kernel refuses leaves its own": (
        {"etc/1.conf": f"{RETRIES2}=5", "etc/2.conf": f"{RETRIES2}=300"}, None, 15),
    "a refused pattern leaves what an earlier one set": (
        {"etc/1.conf": "net.ipv4.tcp_r*2=5", "etc/2.conf": "net.ipv4.tcp_retries*=x"},
        ("etc/1.conf", 1), 5),
    "hexadecimal": ({"etc/1.conf": f"{RETRIES2}=0x10"}, ("etc/1.conf", 1), 16),
    "octal": ({"etc/1.conf": f"{RETRIES2}=010"}, ("etc/1.conf", 1), 8),
    "a word behind the number": ({"etc/1.conf": f"{RETRIES2}=5 # five"}, ("etc/1.conf", 1), 5),
    "other endings are not read": ({"etc/1.config": f"{RETRIES2}=5"}, None, 15),
    "hidden files are not read": ({"etc/.1.conf": f"{RETRIES2}=5"}, None, 15),
    "carriage returns end lines": ({"etc/1.conf": f"# x\r{RETRIES2}=5\r"}, ("etc/1.conf", 2), 5),
    "with newlines they end one": ({"etc/1.conf": f"# x\r\n{RETRIES2}=5\r\n"}, ("etc/1.conf", 2), 5),
    "a line of a megabyte ends its file": (
        {"etc/1.conf": f"{RETRIES2}=5\n#{'x' * (1 << 20)}\n{RETRIES2}=9\n"}, ("etc/1.conf", 1), 5),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_table(config, name):
    tree, decided_by, value = TABLE[name]
    told = assert_said_what_is_done(config, tree)[RETRIES2]
    assert told["value"] == value
    if decided_by is None:
        assert told["decided_by"] is None
        return
    folder, file = decided_by[0].split("/")
    assert told["decided_by"]["file"] == str(FOLDERS[folder] / file)
    assert told["decided_by"]["line"] == decided_by[1]


def test_trees_by_chance(config):
    seed = int(os.environ.get("RELINKD_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"to have these trees again: RELINKD_SEED={seed}")
    chance = random.Random(seed)
    decided = 0
    for _ in range(TREES_BY_CHANCE):
        told = assert_said_what_is_done(config, tree_by_chance(chance))
        decided += sum(1 for one in told.values() if one["decided_by"])
    # Trees that decide about nothing would prove nothing.
    assert decided > TREES_BY_CHANCE


def test_every_line_that_loses_is_named_with_the_reason(config):
    plant({
        "etc/90-relinkd.conf": f"{RETRIES2} = 5\n",
        "lib/90-relinkd.conf": f"{RETRIES2} = 6\n",
        "lib/50-default.conf": f"{RETRIES2} = 7\n",
        "run/95-glob.conf": "net.ipv4.tcp_retr* = 8\n",
        "local/20-same.conf": f"{RETRIES2} = 5\n",
        "conf": f"{RETRIES2} = 9\n",
    })
    told = said(config)[RETRIES2]
    assert told["decided_by"]["file"] == "/etc/sysctl.d/90-relinkd.conf"
    assert {(one["file"], one["line"], one["text"], one["reason"]) for one in told["overridden"]} == {
        ("/usr/lib/sysctl.d/90-relinkd.conf", 1, "6", "masked"),
        ("/usr/lib/sysctl.d/50-default.conf", 1, "7", "later"),
        ("/run/sysctl.d/95-glob.conf", 1, "8", "exact"),
        ("/etc/sysctl.conf", 1, "9", "unlinked"),
    }


def test_debians_link_is_told_with_where_it_leads(config):
    plant({"etc/99-sysctl.conf": TO_CONF, "conf": f"{RETRIES2} = 8\n"})
    assert said(config)[RETRIES2]["decided_by"]["target"] == str(CONF)


@pytest.fixture
def command_line(tmp_path):
    """Sets what the kernel's command line seems to be."""
    file = tmp_path / "cmdline"
    file.write_text("")
    subprocess.run(["mount", "--bind", file, "/proc/cmdline"], check=True)
    yield file.write_text
    subprocess.run(["umount", "/proc/cmdline"], check=True)


def test_the_kernels_command_line_holds_until_a_file_says_otherwise(config, command_line):
    command_line(f"quiet sysctl.{RETRIES2}=6 -- sysctl.{RETRIES2}=7\n")
    plant({})
    told = said(config)[RETRIES2]
    assert told["value"] == 6
    assert told["decided_by"] == {"file": None, "target": None, "line": 0, "text": "6",
                                  "pattern": f"sysctl.{RETRIES2}"}
    plant({"lib/1.conf": f"{RETRIES2}=9"})
    told = said(config)[RETRIES2]
    assert told["value"] == 9
    assert [one["reason"] for one in told["overridden"]] == ["files_last"]


def test_a_file_that_cannot_be_read_leaves_the_answer_open(config):
    plant({"etc/90-relinkd.conf": f"{RETRIES2} = 5\n"})
    (FOLDERS["etc"] / "99-local.conf").touch(0o600)
    config.chmod(0o644)
    config.parent.chmod(0o755)
    for folder in config.parents:
        if folder != pathlib.Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    done = subprocess.run(
        ["setpriv", "--reuid=nobody", "--clear-groups", program("relinkctl"), "--config", config,
         "sysctl", "check", "--json"],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )
    line = next(one for one in json.loads(done.stdout)["keys"] if one["key"] == RETRIES2)
    assert line["after_reboot"]["value"] is None
    assert "/etc/sysctl.d/99-local.conf" in line["error"]
