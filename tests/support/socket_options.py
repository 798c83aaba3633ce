# SPDX-License-Identifier: Apache-2.0
"""What looks after another process' sockets, read from the sockets themselves."""

import ctypes
import dataclasses
import os
import pathlib
import re
import socket

# syscalls(2), the same on all architectures.
_PIDFD_GETFD = 438


@dataclasses.dataclass(frozen=True)
class Options:
    """SO_KEEPALIVE of socket(7) and what tcp(7) has; seconds, and of the user timeout milliseconds."""

    keepalive: bool
    idle: int
    interval: int
    count: int
    user_timeout: int


def _copy_of(pid: int, inode: int) -> socket.socket:
    """The socket with this inode, which the process holds."""
    [number] = [
        int(link.name)
        for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()
        if re.fullmatch(rf"socket:\[{inode}\]", os.readlink(link))
    ][:1]
    pidfd = os.pidfd_open(pid)
    try:
        copy = ctypes.CDLL(None, use_errno=True).syscall(_PIDFD_GETFD, pidfd, number, 0)
        if copy < 0:
            raise OSError(ctypes.get_errno(), f"descriptor {number} of {pid}")
    finally:
        os.close(pidfd)
    return socket.socket(fileno=copy)


def set_user_timeout(pid: int, inode: int, milliseconds: int) -> None:
    """As the process itself would."""
    with _copy_of(pid, inode) as one:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def options_of(pid: int, inode: int) -> Options:
    """Of the socket with this inode, which the process holds."""
    with _copy_of(pid, inode) as one:
        return Options(
            keepalive=one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0,
            idle=one.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
            interval=one.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
            count=one.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
            user_timeout=one.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
        )
