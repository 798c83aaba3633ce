# SPDX-License-Identifier: Apache-2.0
"""relinkctl sysctl apply sets the wanted values, now and for each boot, and revert takes that back."""

import os
import pathlib
import subprocess

import pytest
from collector import PATIENCE, program
from config_text import to_config
from sysctl_trees import boot, own_folders, plant, proc_path, value_of

RETRIES2 = "net.ipv4.tcp_retries2"
FILE = pathlib.Path("/etc/sysctl.d/90-relinkd.conf")
RECORD = pathlib.Path("/var/lib/relinkd/sysctl.json")
OVERRIDE = {"etc/95-vendor.conf": f"{RETRIES2} = 9\n"}


@pytest.fixture(autouse=True)
def clean_host():
    subprocess.run(["mount", "-t", "tmpfs", "none", "/var/lib"], check=True)
    with own_folders():
        plant({})
        boot()
        yield
    subprocess.run(["umount", "/var/lib"], check=True)


@pytest.fixture
def ctl(tmp_path):
    def run(*command: str, **options: object) -> subprocess.CompletedProcess:
        return subprocess.run(
            [program("relinkctl"), "--config", tmp_path / "relinkd.toml", "sysctl", *command],
            capture_output=True, text=True, timeout=PATIENCE, check=False, **options)

    (tmp_path / "relinkd.toml").write_text(to_config({"sysctl.want": {RETRIES2: 5}}, []))
    # Others run it in one of the tests.
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to("/run/lab/tmp"):
            folder.chmod(0o755)
    return run


def test_the_value_is_set_now_and_at_each_boot(ctl):
    done = ctl("apply")
    assert done.returncode == 0, done
    assert f"{RETRIES2} was 15 and is 5 now." in done.stdout
    assert "before: 15 min 25 s" in done.stdout and "RFC 1122" in done.stdout
    assert str(FILE) in done.stdout and "relinkctl sysctl revert" in done.stdout
    assert value_of(RETRIES2) == 5
    assert boot()[RETRIES2] == 5
    assert FILE.stat().st_mode & 0o777 == 0o644
    assert ctl("check").returncode == 0


def test_what_was_there_comes_back(ctl):
    plant({"etc/90-relinkd.conf": f"# mine\n{RETRIES2} = 8\n"})
    boot()
    assert ctl("apply").returncode == 0
    # A second time makes the first no less the original.
    assert ctl("apply").returncode == 0
    done = ctl("revert")
    assert done.returncode == 0, done
    assert f"{RETRIES2} was 5 and is 8 again." in done.stdout
    assert FILE.read_text() == f"# mine\n{RETRIES2} = 8\n"
    assert value_of(RETRIES2) == 8
    assert not RECORD.exists()
    done = ctl("revert")
    assert done.returncode == 0 and "nothing to revert" in done.stdout


def test_a_mask_comes_back_as_a_mask(ctl):
    FILE.symlink_to("/dev/null")
    assert ctl("apply").returncode == 0
    assert not FILE.is_symlink()
    assert ctl("revert").returncode == 0
    assert os.readlink(FILE) == "/dev/null"


def test_where_another_file_decides_it_is_named_and_not_touched(ctl):
    plant(OVERRIDE)
    done = ctl("apply")
    assert done.returncode == 1, done
    assert value_of(RETRIES2) == 5
    assert "will be 9 after a reboot: /etc/sysctl.d/95-vendor.conf, line 1 decides" in done.stderr
    assert (FILE.parent / "95-vendor.conf").read_text() == OVERRIDE["etc/95-vendor.conf"]
    assert boot()[RETRIES2] == 9
    assert ctl("check").returncode == 2


def test_what_somebody_has_changed_since_stays(ctl):
    assert ctl("apply").returncode == 0
    FILE.write_text(f"{RETRIES2} = 7\n")
    boot()
    done = ctl("revert")
    assert done.returncode == 1, done
    assert f"{RETRIES2} is 7, which relinkctl did not set: it stays so. Before it was 15." in done.stdout
    assert FILE.read_text() == f"{RETRIES2} = 7\n" and value_of(RETRIES2) == 7
    done = ctl("apply")
    assert done.returncode == 2 and "was changed by somebody" in done.stderr
    assert value_of(RETRIES2) == 7


def test_a_record_that_others_can_write_is_not_believed(ctl):
    assert ctl("apply").returncode == 0
    os.chown(RECORD, 65534, 65534)
    done = ctl("revert")
    assert done.returncode == 2 and "only root can write" in done.stderr
    assert value_of(RETRIES2) == 5


def test_a_link_in_the_place_of_the_record_is_not_followed(ctl):
    assert ctl("apply").returncode == 0
    RECORD.rename(RECORD.with_name("elsewhere"))
    RECORD.symlink_to(RECORD.with_name("elsewhere"))
    assert ctl("revert").returncode == 2
    assert FILE.exists() and value_of(RETRIES2) == 5


def test_a_key_that_is_wanted_later_goes_back_to_its_own_original(ctl, tmp_path):
    before = value_of("net.ipv4.tcp_syn_retries")
    assert ctl("apply").returncode == 0
    (tmp_path / "relinkd.toml").write_text(
        to_config({"sysctl.want": {RETRIES2: 6, "net.ipv4.tcp_syn_retries": 3}}, []))
    assert ctl("apply").returncode == 0
    assert value_of(RETRIES2) == 6 and value_of("net.ipv4.tcp_syn_retries") == 3
    assert ctl("revert").returncode == 0
    assert value_of(RETRIES2) == 15 and value_of("net.ipv4.tcp_syn_retries") == before


def test_only_one_of_now_and_after_a_reboot_is_a_warning(ctl):
    proc_path(RETRIES2).write_text("5")
    done = ctl("check")
    assert done.returncode == 1, done
    assert done.stdout.startswith(f"Not persistent: {RETRIES2} is 5, and after a reboot it is 15")
    proc_path(RETRIES2).write_text("15")
    FILE.write_text(f"{RETRIES2} = 5\n")
    done = ctl("check")
    assert done.returncode == 1, done
    assert done.stdout.startswith(f"Not applied yet: {RETRIES2} is 15, and 5 only after a reboot")


@pytest.fixture
def read_only_proc_sys():
    subprocess.run(["mount", "--bind", "/proc/sys", "/proc/sys"], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", "/proc/sys"], check=True)
    yield
    subprocess.run(["umount", "/proc/sys"], check=True)


def test_where_proc_sys_is_read_only_as_in_a_container_that_is_said(ctl, read_only_proc_sys):
    done = ctl("apply")
    assert done.returncode == 2
    assert "/proc/sys is read-only here" in done.stderr and "nothing was changed" in done.stderr
    assert value_of(RETRIES2) == 15 and not FILE.exists() and not RECORD.exists()


def test_only_root_can(ctl):
    for command in ("apply", "revert"):
        done = ctl(command, user=65534, group=65534, extra_groups=[])
        assert done.returncode == 2 and "only root can set sysctls: sudo relinkctl" in done.stderr
    assert value_of(RETRIES2) == 15 and not FILE.exists()


def test_of_what_the_kernel_does_not_have_nothing_is_changed(ctl, tmp_path):
    (tmp_path / "relinkd.toml").write_text(
        to_config({"sysctl.want": {RETRIES2: 5, "net.ipv4.no_such_thing": 1}}, []))
    done = ctl("apply")
    assert done.returncode == 2, done
    assert "no_such_thing" in done.stderr and "nothing was changed" in done.stderr
    assert value_of(RETRIES2) == 15 and not FILE.exists() and not RECORD.exists()


def test_where_the_kernel_refuses_nothing_is_changed(ctl, tmp_path):
    (tmp_path / "relinkd.toml").write_text(
        to_config({"sysctl.want": {RETRIES2: 5, "net.ipv4.tcp_syn_retries": 4000}}, []))
    done = ctl("apply")
    assert done.returncode == 2 and "nothing was changed" in done.stderr, done
    assert value_of(RETRIES2) == 15 and not FILE.exists() and not RECORD.exists()
