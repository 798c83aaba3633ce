# SPDX-License-Identifier: Apache-2.0
"""What bash, zsh and fish offer for a line, with the completions of this project loaded."""

import os
import pathlib
import pty
import shlex
import subprocess
import tempfile
import threading

TOP = pathlib.Path(__file__).resolve().parents[2]
FOLDER = TOP / "completions"
PATIENCE = 60

# As readline calls it. COMP_WORDS is parted at COMP_WORDBREAKS, as readline does; what is offered
# replaces the last of them.
BASH = r"""
source "$1"
COMP_LINE=$2
COMP_POINT=${#COMP_LINE}
COMP_WORDS=()
rest=$2
while [[ $rest =~ ^[[:blank:]]*([:=]+|[^[:blank:]:=]+) ]]; do
  COMP_WORDS+=("${BASH_REMATCH[1]}")
  rest=${rest:${#BASH_REMATCH[0]}}
done
[[ $2 != *' ' ]] || COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
read -ra registered <<<"$(complete -p "${COMP_WORDS[0]##*/}")"
"${registered[2]}" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""

# A widget that completes as Tab does, and tells what would be offered. compadd is where all of it
# passes; where it only fills arrays (-O, -A, -D), nothing is offered.
ZSH = r"""
PS1= RPS1= ; unset PROMPT_SP; setopt no_prompt_cr no_prompt_sp
fpath=($FOLDER $fpath)
autoload -Uz compinit && compinit -u -d $SCRATCH/dump
compadd() {
  local -a hits
  if [[ -z ${(M)@[1,(i)(-|--)]:#-(O|A|D)*} ]]; then
    builtin compadd -A hits "$@"
    offered+=($hits)
  fi
  builtin compadd "$@"
}
tell() {
  offered=()
  _main_complete
  compstate[insert]= compstate[list]=
  print -rl -- $offered >$SCRATCH/offered
}
zle -C tell complete-word tell
bindkey '^T' tell
"""


def environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "RELINKD_PROGRAMS") if name in os.environ}
    return kept | {"LC_ALL": "C.UTF-8", "TERM": "dumb", "HOME": "/nonexistent"}


def run(*words: object, **also: str) -> str:
    done = subprocess.run(
        list(map(str, words)), capture_output=True, text=True, timeout=PATIENCE, check=False,
        stdin=subprocess.DEVNULL, env=environment() | also,
    )
    assert done.stderr == "", done.stderr
    return done.stdout


def bash(line: str) -> set[str]:
    program = pathlib.Path(line.split()[0]).name
    return set(run("bash", "--norc", "-c", BASH, "bash", FOLDER / "bash" / program, line).split("\n"))


def fish(line: str) -> set[str]:
    program = pathlib.Path(line.split()[0]).name
    with tempfile.TemporaryDirectory() as home:
        text = run(
            "fish", "--no-config", "--private", "-c",
            f"source {FOLDER}/fish/{program}.fish; complete -C {shlex.quote(line)}",
            HOME=home, XDG_CONFIG_HOME=home, XDG_DATA_HOME=home,
        )
    # Behind a tab stands what it means.
    return {offered.split("\t")[0] for offered in text.splitlines()}


def zsh(line: str) -> set[str]:
    with tempfile.TemporaryDirectory() as scratch:
        offered = pathlib.Path(scratch) / "offered"
        # Opening it waits until the shell tells.
        os.mkfifo(offered)
        pathlib.Path(scratch, ".zshrc").write_text(ZSH, encoding="utf-8")
        terminal, inner = pty.openpty()
        shell = subprocess.Popen(
            ["zsh", "--no-globalrcs", "-i"], stdin=inner, stdout=inner, stderr=inner,
            start_new_session=True,
            env=environment() | {"ZDOTDIR": scratch, "SCRATCH": scratch, "FOLDER": str(FOLDER / "zsh")},
        )
        os.close(inner)
        # What it draws is not looked at, but has to be taken.
        drawn = threading.Thread(target=drain, args=(terminal,), daemon=True)
        drawn.start()
        # A shell that never tells is ended, and an empty answer is read.
        watchdog = threading.Timer(PATIENCE, end, args=(shell, offered))
        watchdog.start()
        try:
            os.write(terminal, f"{line}\x14".encode())
            text = offered.read_text(encoding="utf-8")
        finally:
            watchdog.cancel()
            shell.kill()
            shell.wait()
            drawn.join()
            os.close(terminal)
    return set(text.split("\n"))


def drain(terminal: int) -> None:
    try:
        while os.read(terminal, 4096):
            pass
    except OSError:
        pass  # the shell has ended


def end(shell: subprocess.Popen, offered: pathlib.Path) -> None:
    shell.kill()
    offered.write_text("", encoding="utf-8")


def complete(shell: str, line: str) -> set[str]:
    """What the shell offers for the word at the end of the line, without blanks and twins."""
    return {word.strip() for word in {"bash": bash, "fish": fish, "zsh": zsh}[shell](line)} - {""}
