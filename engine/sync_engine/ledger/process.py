"""Who holds a lock, so that a person can find it, and so that a process that is dead is not waited for."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A process on some machine.

    Attributes:
        host: name of the machine, for people.
        pid: its number there.
        mark: tells it from every other process that ever had this number: boot, namespace and start of the process.
            Empty where the system does not tell (anything but Linux).
    """

    host: str
    pid: int
    mark: str


def this_process() -> Process:
    """The process that asks."""
    return Process(socket.gethostname(), os.getpid(), _mark(os.getpid()))


def who() -> str:
    """The user of this process and its machine, for people."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = "somebody"
    return f"{user}@{socket.gethostname()}"


def is_dead(other: Process) -> bool:
    """Whether a process is known to be gone; False when it cannot be seen from here.

    Only a process of the same boot and the same namespace can be judged: in another container the same number is
    another process.
    """
    here = _mark(os.getpid())
    if not other.mark or not here or other.mark.rpartition(" ")[0] != here.rpartition(" ")[0]:
        return False
    return _mark(other.pid) != other.mark


def _mark(pid: int) -> str:
    """Boot, namespace and start of a process; empty when it is gone or the system does not tell."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = (_PROC / "self/ns/pid").stat().st_ino
        # proc(5): the name stands in parentheses and may hold any character; field 3 is the state, 22 the start.
        fields = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else f"{boot} {namespace} {fields[19]}"
