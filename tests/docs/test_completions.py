# SPDX-License-Identifier: Apache-2.0
"""The completions, loaded into real shells, offer what the programs know, and no other."""

import os

import programs
import pytest
import shells

RELINKCTL = str(programs.PROGRAMS / "relinkctl")
ALL = {"--help", "--config", "--socket"}
COMMANDS = programs.commands()

each_shell = pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])


@pytest.fixture
def config(tmp_path):
    """A configuration at whose control socket nobody is: the names are those of the file."""
    file = tmp_path / "relinkd.toml"
    file.write_text(
        f"""
        control.socket = "{tmp_path}/nobody"
        [[endpoint]]
        name = "sessions"
        url = "redis://127.0.0.1:1"
        [[endpoint]]
        url = "redis://127.0.0.1:2"
        [[endpoint]]
        url = "redis://127.0.0.1:3"
        [[app]]
        name = "shop.eu"
        match.unit = "shop.service"
        endpoints = ["sessions"]
        [[app]]
        name = "search"
        match.unit = "search.service"
        endpoints = ["sessions"]
        """,
        encoding="utf-8",
    )
    return file


def completed(shell: str, line: str) -> set[str]:
    """The words as they would stand on the line: bash offers only what comes behind a ':' or '='."""
    offered = shells.complete(shell, line)
    word = "" if line.endswith(" ") else line.split()[-1]
    before = word[: max(word.rfind(":"), word.rfind("=")) + 1]
    if shell == "bash" and before:
        return {before + rest for rest in offered}
    return offered


def long_options(offered: set[str]) -> set[str]:
    return {option.removesuffix("=") for option in offered if option.startswith("--")}


@each_shell
def test_commands(shell):
    assert completed(shell, "relinkctl ") - ALL - {"--version", "-h"} == {c[0] for c in COMMANDS}
    assert completed(shell, "relinkctl st") == {"status"}
    for group in ("config", "sysctl"):
        inner = {c[1] for c in COMMANDS if c[0] == group}
        assert completed(shell, f"relinkctl {group} ") - ALL == inner


@each_shell
def test_options_before_the_command(shell):
    known = programs.options_in(programs.help_of("relinkctl")) | {"--help"}
    assert long_options(completed(shell, "relinkctl --")) == known


@each_shell
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_options_of_commands(shell, command):
    known = {option for option in COMMANDS[command] if option.startswith("--")} | ALL
    line = f"relinkctl {' '.join(command)} --"
    assert long_options(completed(shell, line)) - {"--version"} == known


@each_shell
@pytest.mark.parametrize("program", ["relinkd", "relinkd-actuator"])
def test_options_of_the_other_programs(shell, program):
    known = programs.options_in(programs.help_of(program)) | {"--help"}
    assert long_options(completed(shell, f"{program} --")) == known


@each_shell
def test_endpoints(shell, config):
    line = f"{RELINKCTL} --config {config} status "
    assert completed(shell, line) - ALL == {"sessions", "127.0.0.1:2", "127.0.0.1:3"}
    assert completed(shell, f"{line}sessions 127") == {"127.0.0.1:2", "127.0.0.1:3"}
    assert completed(shell, f"{line}127.0.0.1:3") == {"127.0.0.1:3"}


@each_shell
@pytest.mark.parametrize("command", ["apps", "relink", "reset"])
def test_apps(shell, config, command):
    assert completed(shell, f"{RELINKCTL} {command} --config {config} s") == {"shop.eu", "search"}
    assert completed(shell, f"{RELINKCTL} --config={config} {command} sh") == {"shop.eu"}


@each_shell
def test_names_of_a_running_relinkd(shell, config, tmp_path):
    folder = tmp_path / "running"
    folder.mkdir()
    text = '[[endpoint]]\nname = "orders"\nurl = "redis://127.0.0.1:1"\n'
    with programs.running(folder, text):
        # Not of the file.
        line = f"{RELINKCTL} --config {config} --socket {folder}/control.sock status "
        assert completed(shell, line) - ALL == {"orders"}


@each_shell
def test_without_an_answer_nothing_is_offered(shell, tmp_path):
    """Neither an error nor a wait."""
    assert completed(shell, f"{RELINKCTL} --config {tmp_path}/none status x") == set()
    assert completed(shell, f"{tmp_path}/relinkctl status x") == set()
    silent = tmp_path / "relinkctl"
    silent.write_text("#!/bin/sh\nexec sleep 1000\n", encoding="utf-8")
    silent.chmod(0o755)
    assert completed(shell, f"{silent} relink x") == set()


@each_shell
def test_what_can_be_explained(shell):
    offered = completed(shell, f"{RELINKCTL} explain ") - ALL
    assert offered >= {"half_open", "read_only", "breaker_opened", "black_holed"}
    assert completed(shell, f"{RELINKCTL} explain half") == {"half_open"}
    for word in offered:
        assert programs.run("relinkctl", "explain", word).returncode == 0, word


@each_shell
def test_values_of_options(shell, tmp_path):
    (tmp_path / "relinkd.pass").touch()
    assert completed(shell, "relinkctl check --expect ") == {"primary", "replica", "any"}
    assert completed(shell, "relinkctl check --expect=pri") >= {
        "--expect=primary" if shell in ("bash", "fish") else "primary"
    }
    assert completed(shell, "relinkctl check redis") == {"redis://", "rediss://"}
    assert completed(shell, "relinkd --endpoint redis-c") == {"redis-cluster://"}
    for line in ("relinkctl check --password-file", "relinkctl config check", "relinkd --config",
                 "relinkd-actuator --config"):
        offered = completed(shell, f"{line} {tmp_path}/relinkd.p")
        assert {os.path.basename(path) for path in offered} == {"relinkd.pass"}, line
