import subprocess
import sys

import numpy as np
import pytest
import torch

from regkit import InputError, Labels, read, read_labels
from regkit.io import save
from regkit.io.names import display_name, extension
from regkit.io.sizes import size_text


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd", "a.mhd"])
def test_labels(parts, tmp_path, name):
    found = read_labels(parts.save(tmp_path / name))
    assert isinstance(found, Labels)
    assert torch.equal(found.data, parts.data)
    assert found.values == (1, 2, 5)


def test_float_labels(forge):
    data = (np.arange(720).reshape(8, 9, 10) % 5).astype(np.float32)
    found = read_labels(forge("a.nii", data))
    assert found.data.dtype is torch.int32
    assert np.array_equal(found.data[0].numpy(), data)
    large = np.full((8, 8, 8), 2.0**40)
    assert read_labels(forge("b.nii", large)).data.dtype is torch.int64


def test_labels_stored_with_a_scale(forge):
    """As a program leaves them that scales whatever it writes: 22.0001 for 22."""
    labels = np.arange(720).reshape(8, 9, 10) % 300
    slope, inter = 299 / 65535, 149.5
    stored = np.rint((labels - inter) / slope).astype(np.int16)
    path = forge("a.nii.gz", stored, scl_slope=slope, scl_inter=inter)
    assert (read(path).data != read(path).data.round()).any()
    assert np.array_equal(read_labels(path).data[0], labels)


@pytest.mark.parametrize("slope", [0.3, 0.7, 1.178])
def test_a_scale_too_wide_for_labels(forge, slope):
    stored = (np.arange(720).reshape(8, 9, 10) % 250).astype(np.uint8)
    with pytest.raises(InputError, match="not whole numbers"):
        read_labels(forge("a.nii", stored, scl_slope=slope, scl_inter=0.0)).load()


def test_labels_that_are_not_whole(forge):
    data = np.zeros((8, 9, 10), np.float32)
    data[1:3, 0, 0] = 1.5
    with pytest.raises(InputError, match=r"a.nii: 2 voxels are not whole numbers, .* is 1.5"):
        read_labels(forge("a.nii", data)).load()
    with pytest.raises(InputError, match=r"below 2\*\*53"):
        read_labels(forge("a.nii", np.full((8, 8, 8), 1e30))).load()


def test_a_slope_one_rounding_from_one_leaves_labels_whole(forge):
    """float32 has no exact third: what a program computed as 1 may be the number beside it."""
    stored, beside = np.arange(720).reshape(8, 9, 10), float(np.nextafter(np.float32(1), 2))
    path = forge("a.nii", stored.astype(np.int16), scl_slope=beside, scl_inter=0.0)
    assert (read(path).data != read(path).data.round()).any()
    assert np.array_equal(read_labels(path).data[0], stored)


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.h5", "a.nhdr"])
def test_unknown_extensions(head, tmp_path, name):
    with pytest.raises(InputError, match=r"writable: .nii, .nii.gz, .nrrd, .mha, .mhd"):
        save(head, tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd", "a.mhd"])
def test_existing_files_are_kept(head, tmp_path, name, snapshot):
    save(head, tmp_path / name)
    before = snapshot()
    with pytest.raises(InputError, match="exists"):
        save(head.with_data(head.data + 1), tmp_path / name)
    assert snapshot() == before
    save(head.with_data(head.data + 1), tmp_path / name, overwrite=True)
    assert torch.equal(read(tmp_path / name).data, head.data + 1)
    assert len(snapshot()) == len(before)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mhd"])
def test_missing_folder(head, tmp_path, name):
    with pytest.raises(InputError, match="does not exist; create it"):
        save(head, tmp_path / "no" / name)
    assert not list(tmp_path.iterdir())


def test_full_disk(head, tmp_path, monkeypatch):
    """nibabel writes through Python's own files, whose errors are seen."""
    from regkit import ResourceError
    from regkit.io import atomic

    def full(_path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "flush", full)
    with pytest.raises(ResourceError, match="no space left"):
        save(head, tmp_path / "a.nii.gz")
    assert not list(tmp_path.iterdir())


def test_awkward_names(head, tmp_path):
    for name in ("with space.nii", "-o.nii.gz", "größe.mha", "a.b.c.NII", "two\nlines.nrrd"):
        found = read(save(head, tmp_path / name))
        assert torch.equal(found.data, head.data)
        assert found.name == display_name(name)


def test_names():
    assert extension("scan.2020.01.nii.gz") == ".nii.gz"
    assert extension("scan.gz") == ".gz"
    assert extension("scan") == ""
    assert size_text(3) == "3 B"
    assert size_text(2**70) == "1024.0 EiB"


def test_simpleitk_is_not_imported_for_nifti(head, tmp_path):
    save(head, tmp_path / "a.nii.gz")
    code = (
        "import sys, regkit.io; regkit.io.read(sys.argv[1]); "
        "sys.exit('SimpleITK' in sys.modules or 'h5py' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.nii.gz")]
    assert subprocess.run(command, check=False).returncode == 0


def test_real_images(data):
    volume = read(data / "brain_t1" / "a_t1.nii.gz")
    assert volume.grid.orientation == "LIA"
    assert volume.data.dtype is torch.uint8
    assert len(read_labels(data / "brain_t1" / "a_labels.nii.gz").values) >= 30
