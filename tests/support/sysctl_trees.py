# SPDX-License-Identifier: Apache-2.0
"""The folders of sysctl.d as a test wants them, the real systemd-sysctl that applies them in the
test's network namespace, and trees made by chance."""

import contextlib
import os
import pathlib
import random
import shutil
import subprocess
from collections.abc import Iterator

SYSTEMD_SYSCTL = "/lib/systemd/systemd-sysctl"
FOLDERS = {
    "etc": pathlib.Path("/etc/sysctl.d"),
    "run": pathlib.Path("/run/sysctl.d"),
    "local": pathlib.Path("/usr/local/lib/sysctl.d"),
    "lib": pathlib.Path("/usr/lib/sysctl.d"),
}
CONF = pathlib.Path("/etc/sysctl.conf")
# Mounts over these hide what this host has; /etc and /run are the test's own already.
HIDDEN = ("/usr/local/lib", "/usr/lib/sysctl.d", "/etc/sysctl.d")
# A name with a dot in it, which needs the other form of separator.
VLAN = "eth0.100"

# What a file is instead of a text.
DEV_NULL = "link to /dev/null"
NOWHERE = "link to nothing"
TO_CONF = "link to /etc/sysctl.conf"
FOLDER = "a folder"

# Keys with what they are before systemd-sysctl comes: of the first, what the kernel begins with.
KEYS = {
    "net.ipv4.tcp_retries2": 15,
    "net.ipv4.tcp_retries1": 3,
    "net.ipv4.tcp_syn_retries": 6,
    "net.ipv4.conf.lo.arp_ignore": 0,
    "net.ipv4.conf.eth0/100.arp_ignore": 0,
}


def proc_path(key: str) -> pathlib.Path:
    swapped = key.translate(str.maketrans("./", "/."))
    return pathlib.Path("/proc/sys") / swapped


def value_of(key: str) -> int:
    return int(proc_path(key).read_text())


@contextlib.contextmanager
def own_folders() -> Iterator[None]:
    """While inside, all folders of sysctl.d are the test's own, and there is an interface VLAN."""
    for path in HIDDEN:
        subprocess.run(["mount", "-t", "tmpfs", "none", path], check=True)
    pair = ["ip", "link", "add", VLAN, "type", "veth", "peer", "name", "peer0"]
    subprocess.run(pair, check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "link", "del", VLAN], check=True)
        for path in HIDDEN:
            subprocess.run(["umount", path], check=True)


def plant(tree: dict[str, str]) -> None:
    """Makes the folders have exactly these files: "etc/90-x.conf" with its text; "conf" is
    /etc/sysctl.conf."""
    for folder in FOLDERS.values():
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if old.is_dir() and not old.is_symlink():
                shutil.rmtree(old)
            else:
                old.unlink()
    CONF.unlink(missing_ok=True)
    for name, text in tree.items():
        folder, _, rest = name.partition("/")
        path = FOLDERS[folder] / rest if rest else CONF
        if text == FOLDER:
            path.mkdir()
        elif text in (DEV_NULL, NOWHERE, TO_CONF):
            target = {DEV_NULL: "/dev/null", NOWHERE: "/nowhere", TO_CONF: "../sysctl.conf"}
            path.symlink_to(target[text])
        else:
            path.write_bytes(text.encode("latin-1"))


def boot() -> dict[str, int]:
    """What the real systemd-sysctl makes of the keys, from what a boot finds."""
    for key, value in KEYS.items():
        proc_path(key).write_text(str(value))
    environment = {k: v for k, v in os.environ.items() if k != "CREDENTIALS_DIRECTORY"}
    subprocess.run([SYSTEMD_SYSCTL], env=environment, check=False, capture_output=True)
    return {key: value_of(key) for key in KEYS}


def describe(tree: dict[str, str]) -> str:
    return "\n".join(f"  {name}: {text!r}" for name, text in tree.items())


# --- trees by chance ----------------------------------------------------------------------------

NAMES = ("10-a.conf", "50-b.conf", "90-relinkd.conf", "99-sysctl.conf", "B.conf", ".hid.conf",
         "readme.txt", "a-b.conf", "a.conf")
PATTERNS = (
    *KEYS,
    "net/ipv4/tcp_retries2", "/net/ipv4/tcp_retries2", "net//ipv4/./tcp_retries2", ".net.ipv4.tcp_retries2",
    "net/ipv4.tcp_retries2", "net/ipv4/../ipv4/tcp_retries2", "net.ipv4.tcp_retries2/",
    "net/ipv4/conf/eth0.100/arp_ignore", "net.ipv4.conf.eth0.100.arp_ignore",
    "net.ipv4.tcp_retries*", "net.ipv4.tcp_r*2", "net.ipv4.tcp_retries?", "net.*.tcp_retries[!1]",
    "net.ipv4.tcp_{retries,syn_retries}*", "net.ipv4.tcp_{retries{1,2},x}*", "net.ipv4.tcp_{retries*",
    "net.ipv4.*_retries", "net/ipv4/tcp[_/]retries2", "net.ipv4.tcp_retries[2", "net.ipv4.conf.*.arp_ignore",
    "net.ipv4.conf.eth*.arp_ignore", "net/ipv4/conf/*/arp_ignore", "net.ipv4.conf.{lo,eth0/100}.arp_ign*",
    "*.ipv4.tcp_retries2", "net.ipv4.tcp_ret\\ries*",
)
VALUES = ("1", "2", "4", "7", "8", " 5 ", "0x6", "07", "9 # nine", "5\t8", "", "x", "3y", "+4", "5=6",
          "00000000000000000000000004")
LINE_ENDS = ("\n", "\n", "\n", "\n", "\r\n", "\n\n", "\r", "\0", "\n\r\n", "\0\0")


def line_by_chance(chance: random.Random) -> str:
    if chance.random() < 0.1:
        return chance.choice(("# a comment", "; another", "", "   ", "no assignment", "=5", "-", "-=3",
                              "\x85", "#net.ipv4.tcp_retries2=8"))
    dash = "-" if chance.random() < 0.2 else ""
    pattern = chance.choice(PATTERNS)
    if dash and chance.random() < 0.6:
        return f"{dash}{pattern}"
    before, after = chance.choice((("", ""), (" ", " "), ("", "  "), ("\t", "")))
    return f"{before}{dash}{before}{pattern}{after}={after}{chance.choice(VALUES)}"


def text_by_chance(chance: random.Random) -> str:
    lines = (line_by_chance(chance) for _ in range(chance.randint(0, 5)))
    return "".join(line + chance.choice(LINE_ENDS) for line in lines)


def tree_by_chance(chance: random.Random) -> dict[str, str]:
    tree = {}
    for _ in range(chance.randint(1, 7)):
        name = f"{chance.choice(list(FOLDERS))}/{chance.choice(NAMES)}"
        special = chance.choice((DEV_NULL, NOWHERE, TO_CONF, TO_CONF, FOLDER))
        tree[name] = special if chance.random() < 0.15 else text_by_chance(chance)
    if chance.random() < 0.5:
        tree["conf"] = text_by_chance(chance)
    # Links from other folders than /etc and /run lead elsewhere.
    return {name: NOWHERE if text == TO_CONF and not name.startswith("etc") else text
            for name, text in tree.items()}
