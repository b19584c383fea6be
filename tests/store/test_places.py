"""Network file systems are told from local ones by the mount table."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import places
from store.database import Store
from store.errors import DatabaseOnNetwork
from store.places import Mount, is_network, mount_of, parse_mountinfo, read_mounts, refuse_network

MOUNTINFO = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 27 0:40 / /home/ann rw,relatime shared:5 master:1 - nfs4 server:/home rw,vers=4.2
41 27 0:41 / /mnt/my\040share rw - cifs //server/share rw
42 40 8:2 / /home/ann/local rw - xfs /dev/sdb1 rw
43 27 0:43 / /mnt/code rw - fuse.sshfs ann@host:/code rw
44 27 0:44 / /mnt/over rw - nfs server:/x rw
45 44 8:3 / /mnt/over rw - ext4 /dev/sdc1 rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/s.db", "ext4"),
        ("/home/ann/s.db", "nfs4"),
        ("/home/ann/local/s.db", "xfs"),
        ("/home/anna/s.db", "ext4"),
        ("/mnt/my share/deep/s.db", "cifs"),
        ("/mnt/over/s.db", "ext4"),
    ],
)
def test_the_mount_of_a_path_is_the_nearest_and_latest(path: str, kind: str) -> None:
    mount = mount_of(Path(path), parse_mountinfo(MOUNTINFO))
    assert mount is not None
    assert mount.kind == kind


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuse.rclone", "smbfs", "afpfs", "ceph"]
)
def test_network_kinds(kind: str) -> None:
    assert is_network(kind)


@pytest.mark.parametrize(
    "kind",
    ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "fuse.ntfs-3g", "fuseblk", "9p", "virtiofs"],
)
def test_local_kinds(kind: str) -> None:
    assert not is_network(kind)


def test_a_database_on_a_network_disk_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "s.db"
    mounts = [Mount("/", "ext4"), Mount(str(tmp_path), "nfs4")]
    with pytest.raises(
        DatabaseOnNetwork, match=r"network file system \(nfs4, mounted at .*name a file on a local disk"
    ):
        Store.open(file, mounts=lambda: mounts)
    assert not file.parent.exists()


def test_a_link_to_a_network_disk_is_followed(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    with pytest.raises(DatabaseOnNetwork):
        refuse_network(
            tmp_path / "near" / "s.db", lambda: [Mount("/", "ext4"), Mount(str(tmp_path / "far"), "nfs")]
        )


def test_without_proc_the_mounts_are_read_another_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS."""
    monkeypatch.setattr(places, "MOUNT_TABLE", tmp_path / "no such file")
    mount = mount_of(tmp_path, read_mounts())
    assert mount is not None
    assert mount.kind


def test_this_machine_has_a_mount_table_that_covers_the_test_folder(tmp_path: Path) -> None:
    mount = mount_of(tmp_path, read_mounts())
    assert mount is not None
    assert mount.kind
