# SPDX-License-Identifier: Apache-2.0
"""The pages of the programs have each command and option of their --help, and no other."""

import manual
import programs
import pytest

PAGES = {
    "relinkd": "relinkd.8",
    "relinkd-actuator": "relinkd-actuator.8",
    "relinkctl": "relinkctl.1",
}


@pytest.mark.parametrize("program", PAGES)
def test_options(program):
    documented = {
        option
        for item in manual.items(manual.section(PAGES[program], "DESCRIPTION"), "Fl")
        for option in item.options()
    }
    known = programs.options_in(programs.help_of(program))
    assert known
    assert documented - {"-h", "--help"} == known


def test_commands_of_relinkctl_and_their_options():
    documented = {
        tuple(item.name.split()): item.options()
        for item in manual.items(manual.section("relinkctl.1", "COMMANDS"))
    }
    assert documented == programs.commands()


@pytest.mark.parametrize("program", PAGES)
def test_nothing_in_the_synopsis_is_unknown(program):
    used = {o for line in manual.section(PAGES[program], "SYNOPSIS") for o in manual.options_of(line)}
    assert used <= programs.options_in(programs.help_of(program)) | {"--help"}
