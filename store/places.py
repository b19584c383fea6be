"""Where a database may live: a local disk. SQLite's WAL needs shared memory, which network disks lack.

The rule is SQLite's own: https://www.sqlite.org/wal.html, "All processes using a database must be on the
same host computer; WAL does not work over a network filesystem."
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from store.errors import DatabaseOnNetwork

MOUNT_TABLE = Path("/proc/self/mountinfo")

NETWORK_KINDS = frozenset(
    {"nfs", "nfs3", "nfs4", "afs", "coda", "ncpfs"}
    | {"cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "davfs", "webdav"}
    | {"ceph", "lustre", "beegfs", "gpfs", "gfs2", "ocfs2", "orangefs", "glusterfs"}
    | {"sshfs", "osxfuse_sshfs", "macfuse_sshfs"}
)
_NETWORK_FUSE = (
    "sshfs",
    "rclone",
    "s3fs",
    "gcsfuse",
    "davfs",
    "gluster",
    "ceph",
    "smb",
    "nfs",
    "goofys",
    "curlftpfs",
)


class Mount(NamedTuple):
    """A mounted file system: where, and of what kind."""

    point: str
    kind: str


def read_mounts() -> list[Mount]:
    """The mount table of this machine, in order of mounting."""
    if MOUNT_TABLE.exists():
        return parse_mountinfo(MOUNT_TABLE.read_text(errors="surrogateescape"))
    # macOS. Imported here: psutil takes 20 ms, and Linux does without it.
    import psutil

    return [Mount(p.mountpoint, p.fstype) for p in psutil.disk_partitions(all=True)]


def parse_mountinfo(text: str) -> list[Mount]:
    """The mounts of a Linux mountinfo file (proc_pid_mountinfo(5)), its octal escapes undone."""
    mounts = []
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        fields = left.split(" ")
        if separator and len(fields) > 4:
            point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[4])
            mounts.append(Mount(point, right.split(" ")[0]))
    return mounts


def mount_of(path: Path, mounts: list[Mount]) -> Mount | None:
    """The file system that holds `path`: the longest mount point above it; of two on one point, the later."""
    real = os.path.realpath(path)
    best: Mount | None = None
    for mount in mounts:
        inside = real == mount.point or real.startswith(mount.point.rstrip("/") + "/")
        if inside and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def is_network(kind: str) -> bool:
    """Whether a kind of file system keeps its files on another machine."""
    base, _, program = kind.lower().partition(".")
    if base == "fuse" and program:
        return any(program.startswith(name) for name in _NETWORK_FUSE)
    return kind.lower() in NETWORK_KINDS


def refuse_network(path: Path, mounts: Callable[[], list[Mount]] = read_mounts) -> None:
    """Raises DatabaseOnNetwork when `path` is, or would be, on a network file system.

    Args:
        path: the database file; it need not exist.
        mounts: reads the mount table.
    """
    mount = mount_of(path, mounts())
    if mount is not None and is_network(mount.kind):
        raise DatabaseOnNetwork(
            path,
            f"{path} is on a network file system ({mount.kind}, mounted at {mount.point}), where SQLite loses"
            " data when two programs use it; name a file on a local disk with --db or SLUICE_DB",
        )
