import errno
import os

import pytest

from regkit import InputError, ResourceError
from regkit.io import write_atomically
from regkit.io.atomic import owner_tag, remove_abandoned


def content(_path):
    return None


def full(path):
    path.write_bytes(bytes(1000))
    raise OSError(errno.ENOSPC, "No space left on device")


def test_whole_under_its_name(tmp_path):
    seen = []
    write_atomically(
        tmp_path / "a.nii.gz", lambda p: p.write_text("x"), lambda p: seen.append(p.name)
    )
    assert os.listdir(tmp_path) == ["a.nii.gz"]
    assert seen[0].startswith(".regkit-")
    assert seen[0].endswith(".part.nii.gz")


def test_usual_permissions(tmp_path):
    (tmp_path / "usual").touch()
    write_atomically(tmp_path / "a", lambda p: p.touch(), content)
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_existing_file(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(InputError, match="a: exists"):
        write_atomically(tmp_path / "a", lambda p: p.write_text("new"), content)
    assert (tmp_path / "a").read_text() == "old"
    write_atomically(tmp_path / "a", lambda p: p.write_text("new"), content, overwrite=True)
    assert (tmp_path / "a").read_text() == "new"


def test_a_file_that_appears_meanwhile_is_kept(tmp_path):
    def slow(path):
        path.write_text("new")
        (tmp_path / "a").write_text("other")

    with pytest.raises(InputError, match="a: exists"):
        write_atomically(tmp_path / "a", slow, content)
    assert (tmp_path / "a").read_text() == "other"
    assert os.listdir(tmp_path) == ["a"]


def test_full_disk_leaves_what_was_there(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(ResourceError, match=rf"{tmp_path}: no space left .* free"):
        write_atomically(tmp_path / "a", full, content, overwrite=True)
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_failed_check_leaves_nothing(tmp_path):
    def wrong(_path):
        raise ResourceError("lost")

    with pytest.raises(ResourceError, match="lost"):
        write_atomically(tmp_path / "a", lambda p: p.touch(), wrong)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_folder_that_may_not_be_written(tmp_path, number):
    def closed(_path):
        raise OSError(number, "no")

    with pytest.raises(InputError, match="may not be written"):
        write_atomically(tmp_path / "a", closed, content)


def test_other_failures_stay_what_they_are(tmp_path):
    def broken(_path):
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        write_atomically(tmp_path / "a", broken, content)


def test_missing_folder_or_folder_as_name(tmp_path):
    with pytest.raises(InputError, match="does not exist; create it"):
        write_atomically(tmp_path / "no" / "a", full, content)
    with pytest.raises(InputError, match="is a directory"):
        write_atomically(tmp_path, full, content, overwrite=True)


def test_only_what_dead_processes_of_this_machine_left_is_removed(tmp_path):
    own = owner_tag()
    pid, machine, _ = own.split("-")
    dead = "4194999"
    (tmp_path / f".regkit-partial-{dead}-{machine}-0a").mkdir()
    (tmp_path / f".regkit-partial-{dead}-{machine}-0a" / "x").touch()
    (tmp_path / f".regkit-{dead}-{machine}-0b.part.nii").touch()
    kept = {
        f".regkit-partial-{own}",
        f".regkit-partial-{dead}-00000000-0a",
        f".regkit-partial-{10**30}-{machine}-0a",
        f".regkit-partial-{pid}-{machine}-0a",
        ".regkit-partial-mine",
        "a.nii",
    }
    for name in kept:
        (tmp_path / name).touch()
    remove_abandoned(tmp_path)
    assert set(os.listdir(tmp_path)) == kept
