import errno
import os

import pytest

from regkit import InputError, ResourceError
from regkit.io import publish, publish_files, refuse_overwriting_inputs, save
from regkit.io.atomic import owner_tag


def fill(staging, text="new"):
    (staging / "sub").mkdir()
    for name in ("run.json", "a.nii", "sub/b.txt"):
        (staging / name).write_text(text)


def fill_and_raise(staging, error):
    fill(staging)
    raise error("stop")


def test_everything_appears_at_the_end(tmp_path):
    out = tmp_path / "deep" / "out"
    with publish(out) as staging:
        fill(staging)
        assert staging.parent == out
        assert staging.name.startswith(f".regkit-partial-{os.getpid()}-")
        assert os.listdir(out) == [staging.name]
    assert sorted(os.listdir(out)) == ["a.nii", "run.json", "sub"]
    assert os.listdir(out / "sub") == ["b.txt"]


def test_the_marker_is_last(tmp_path, monkeypatch):
    moved = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (moved.append(b.name), replace(a, b)))
    with publish(tmp_path / "out") as staging:
        fill(staging)
        (staging / "z").touch()
    assert moved[-1] == "run.json"
    assert len(moved) == 4


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, ResourceError])
def test_after_an_exception_nothing_is_there(tmp_path, error):
    with pytest.raises(error), publish(tmp_path / "deep" / "out") as staging:
        fill_and_raise(staging, error)
    assert not os.listdir(tmp_path)


def test_a_folder_that_was_there_stays(tmp_path, snapshot):
    (tmp_path / "mine.txt").write_text("mine")
    before = snapshot()
    with pytest.raises(ValueError, match="stop"), publish(tmp_path) as staging:
        fill_and_raise(staging, ValueError)
    assert snapshot() == before


def test_existing_outputs_are_refused_before_the_work(tmp_path):
    (tmp_path / "run.json").touch()
    with pytest.raises(InputError, match=r"run.json: exists"), publish(tmp_path):
        pytest.fail("the work was begun")
    (tmp_path / "run.json").rename(tmp_path / "a.nii")
    with pytest.raises(InputError, match=r"a.nii: exists"), publish(tmp_path, names=["a.nii"]):
        pytest.fail("the work was begun")


def test_existing_outputs_that_were_not_announced(tmp_path, snapshot):
    (tmp_path / "a.nii").write_text("old")
    before = snapshot()
    with pytest.raises(InputError, match=r"a.nii: exists"), publish(tmp_path) as staging:
        fill(staging)
    assert snapshot() == before


def test_overwriting(tmp_path):
    for text in ("old", "new"):
        with publish(tmp_path / "out", overwrite=True) as staging:
            fill(staging, text)
    assert (tmp_path / "out" / "a.nii").read_text() == "new"
    assert sorted(os.listdir(tmp_path / "out")) == ["a.nii", "run.json", "sub"]


@pytest.mark.parametrize("failing", range(1, 7))
def test_a_failure_while_renaming_takes_everything_back(tmp_path, failing, monkeypatch, snapshot):
    with publish(tmp_path) as staging:
        fill(staging, "old")
    before, calls, replace = snapshot(), [], os.replace

    def breaks(source, target):
        calls.append(target)
        if len(calls) == failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", breaks)
    with (
        pytest.raises(ResourceError, match=rf"{tmp_path}: no space left"),
        publish(tmp_path, overwrite=True) as staging,
    ):
        fill(staging)
    assert snapshot() == before


def test_a_full_disk_while_writing(tmp_path, head):
    def write(staging):
        save(head, staging / "warped.nii.gz")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ResourceError, match="no space left"), publish(tmp_path / "out") as staging:
        write(staging)
    assert not os.listdir(tmp_path)


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(InputError, match="is a file, not a folder"), publish(tmp_path / "out"):
        pass


def test_folders_that_cannot_be_made(tmp_path, monkeypatch):
    def closed(*_args, **_kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(type(tmp_path), "mkdir", closed)
    with pytest.raises(InputError, match="may not be written"), publish(tmp_path / "out"):
        pass


def test_what_a_killed_run_left_is_removed(tmp_path):
    machine = owner_tag().split("-")[1]
    stale = tmp_path / f".regkit-partial-4194999-{machine}-0a"
    stale.mkdir()
    (stale / "a.nii").touch()
    with publish(tmp_path) as staging:
        fill(staging)
    assert not stale.exists()


def test_two_at_once_do_not_meet(tmp_path):
    with publish(tmp_path) as one, publish(tmp_path, last="other.json") as other:
        assert one != other
        (one / "a").touch()
        (other / "b").touch()
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_output_that_is_an_input(tmp_path):
    source = tmp_path / "in.nii"
    source.touch()
    (tmp_path / "soft.nii").symlink_to(source)
    (tmp_path / "hard.nii").hardlink_to(source)
    for name in ("in.nii", "soft.nii", "hard.nii", "sub/../in.nii"):
        with pytest.raises(InputError, match=r"would overwrite the input in.nii"):
            refuse_overwriting_inputs([tmp_path / "x", tmp_path / name], [source])
    refuse_overwriting_inputs([tmp_path / "out.nii"], [source])


def test_files_of_several_folders_appear_together(tmp_path):
    places = [tmp_path / name for name in ("a/x.txt", "b/y.txt", "a/z.txt")]
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    with publish_files(places) as staged:
        for path in places:
            staged[path].write_text(path.name)
        assert not any(path.exists() for path in places)
    assert [path.read_text() for path in places] == ["x.txt", "y.txt", "z.txt"]
    assert sorted(os.listdir(tmp_path / "a")) == ["x.txt", "z.txt"]
    with pytest.raises(InputError, match="exists"), publish_files(places):
        pass


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_files_that_cannot_all_be_renamed_stay_as_they_were(tmp_path, failing, monkeypatch):
    places = [tmp_path / name for name in ("a/x.txt", "b/y.txt", "a/z.txt")]
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    places[2].write_text("old")
    count, replace = iter(range(100)), os.replace

    def replaced(source, target):
        if next(count) == failing - 1:
            raise OSError(errno.EIO, "no")
        replace(source, target)

    def run():
        with publish_files(places, overwrite=True) as staged:
            for path in places:
                staged[path].write_text("new")
            monkeypatch.setattr(os, "replace", replaced)

    with pytest.raises(OSError, match="no"):
        run()
    assert [path.exists() for path in places] == [False, False, True]
    assert places[2].read_text() == "old"
    assert os.listdir(tmp_path / "a") == ["z.txt"]


def test_a_file_that_is_not_written_does_not_appear(tmp_path):
    places = [tmp_path / "x.txt", tmp_path / "y.txt"]
    with publish_files(places) as staged:
        staged[places[1]].write_text("new")
    assert os.listdir(tmp_path) == ["y.txt"]


def test_two_at_once_write_to_one_name_only_in_turn(tmp_path):
    places = [tmp_path / "x.txt", tmp_path / "y.txt"]
    with publish_files(places, overwrite=True):
        message = f"process {os.getpid()} is writing its y.txt here"
        with pytest.raises(InputError, match=message), publish_files(places, overwrite=True):
            pass
        with publish_files([tmp_path / "z.txt"]) as staged:
            staged[tmp_path / "z.txt"].write_text("another")
    assert os.listdir(tmp_path) == ["z.txt"]
