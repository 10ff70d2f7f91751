"""`regkit apply` as a job."""

import json

import numpy as np
import pytest
import torch

from regkit import Affine, InputError, Volume, read, write_transform
from regkit.cli import main
from regkit.digests import sha256
from regkit.runs.inputs import fingerprint
from regkit.runs.look_alike import check_no_labels


@pytest.fixture
def words(head, tmp_path):
    image = head.save(tmp_path / "head.nii.gz")
    phi = write_transform(Affine(np.diag([1.1, 1, 1, 1])), tmp_path / "phi.tfm")

    def make(output, *more):
        line = ["apply", image, phi, "--onto", image, "-o", tmp_path / output, *more]
        return [*map(str, line)]

    return make


def test_a_dry_run_says_the_plan_and_writes_nothing(words, tmp_path, capsys):
    assert main(words("out.nii", "--dry-run", "--outside", "-3")) == 0
    said = capsys.readouterr().out.splitlines()
    assert "image         head.nii.gz" in said
    assert "transform     phi.tfm" in said
    assert "outside       -3" in said
    assert said[-1] == f"would write   {tmp_path / 'out.nii'}"
    assert not (tmp_path / "out.nii").exists()


def test_a_record_where_it_is_asked_for(words, tmp_path, capsys):
    record = tmp_path / "out.json"
    assert main(words("out.nii", "--record", record, "--json")) == 0
    said = json.loads(capsys.readouterr().out)
    assert said.pop("folder") == str(tmp_path)
    assert said == json.loads(record.read_text())
    assert (said["kind"], said["asked"]) == ("apply", {"labels": False, "outside": 0.0})
    assert [entry["role"] for entry in said["inputs"]] == ["image", "onto", "transform"]
    assert main(["rerun", str(record), "-q"]) == 0
    assert "the result is identical" in capsys.readouterr().out
    assert main(words("out.nii", "--record", record, "--resume")) == 0
    assert "was finished before" in capsys.readouterr().err
    assert main(words("out.nii", "--record", record, "--resume", "--outside", "1")) == 2
    assert "is of another run" in capsys.readouterr().err


def test_without_a_record_nothing_is_resumed(words, tmp_path, capsys):
    assert main(words("out.nii", "--resume")) == 2
    assert "apply: leaves no record, by which a run could be resumed" in capsys.readouterr().err
    assert not (tmp_path / "out.nii").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r["inputs"].pop(0),
        lambda r: r["inputs"].pop(),
        lambda r: r["asked"].clear(),
        lambda r: r["asked"].update(voxel=["wide"]),
        lambda r: r["outputs"].update(image="../x.nii"),
        lambda r: r.update(outputs=["x.nii"]),
    ],
)
def test_a_record_that_is_not_one(words, tmp_path, capsys, change):
    record = tmp_path / "out.json"
    assert main(words("out.nii", "--record", record)) == 0
    told = json.loads(record.read_text())
    change(told)
    record.write_text(json.dumps(told))
    capsys.readouterr()
    assert main(["rerun", str(record), "-q"]) == 2
    assert "the record must name" in capsys.readouterr().err


def test_voxels_that_lie_in_a_file_of_their_own_are_published_too(words, tmp_path, head, capsys):
    record = tmp_path / "out.json"
    assert main(words("out.mhd", "--record", record)) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out.mhd'}\n"
    assert main(words("out.nii.gz")) == 0
    torch.testing.assert_close(
        read(tmp_path / "out.mhd").data, read(tmp_path / "out.nii.gz").data, atol=1e-4, rtol=1e-5
    )
    digests = json.loads(record.read_text())["sha256"]
    assert digests.keys() == {"image", "image .raw"}
    assert main(["rerun", str(record), "-q"]) == 0
    (tmp_path / "out.mhd").unlink()
    assert main(words("out.mhd")) == 2
    assert "out.raw: exists" in capsys.readouterr().err


def test_what_does_not_fit_is_refused(words, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("regkit.runs.memory.available_memory", lambda: 1 << 20)
    assert main(words("out.nii")) == 4
    assert "head.nii.gz (24x28x20): about" in capsys.readouterr().err
    assert not (tmp_path / "out.nii").exists()


@pytest.fixture
def registered(head, tmp_path):
    """The folder of a registration, as far as its transforms and its record go."""
    folder = tmp_path / "run"
    folder.mkdir()
    fixed = head.save(tmp_path / "fixed.nii.gz")
    moving = head.with_data(head.data + 1).save(tmp_path / "moving.nii.gz")
    there = Affine(np.array([[1, 0, 0, 5.0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
    write_transform(there, folder / "transform.h5")
    write_transform(there.inverse(), folder / "inverse.h5")
    record = {
        "kind": "register", "asked": {}, "outputs": [],
        "inputs": [fingerprint("fixed", fixed), fingerprint("moving", moving)],
        "sha256": {n: sha256(folder / n) for n in ("transform.h5", "inverse.h5")},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record))
    return folder


@pytest.mark.parametrize(
    ("image", "name", "other"),
    [("fixed", "transform.h5", "inverse.h5"), ("moving", "inverse.h5", "transform.h5")],
)
def test_a_transform_of_the_wrong_direction_is_refused(
    registered, tmp_path, capsys, image, name, other
):
    given, onto = tmp_path / f"{image}.nii.gz", tmp_path / "fixed.nii.gz"
    words = ["apply", given, registered / name, "--onto", onto, "-o", tmp_path / "out.nii"]
    assert main([*map(str, words)]) == 2
    said = capsys.readouterr().err
    assert f"{image}.nii.gz is the {image} one; pass {other}" in said
    words[2] = registered / other
    assert main([*map(str, words)]) == 0


def test_points_are_not_inverted_twice(registered, tmp_path, capsys):
    (tmp_path / "p.csv").write_text("x,y,z\n1,2,3\n")
    words = ["points", tmp_path / "p.csv", registered / "inverse.h5", "--of", "moving"]
    assert main([*map(str, words)]) == 2
    assert "pass transform.h5 --of moving" in capsys.readouterr().err
    words[2] = registered / "transform.h5"
    assert main([*map(str, words)]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("-4.000000,2.0")


def test_a_damaged_record_beside_a_transform_is_no_matter(registered, tmp_path, capsys):
    (registered / "run.json").write_text("{")
    words = ["apply", tmp_path / "fixed.nii.gz", registered / "transform.h5",
             "--onto", tmp_path / "fixed.nii.gz", "-o", tmp_path / "out.nii"]  # fmt: skip
    assert main([*map(str, words)]) == 0


def test_an_image_of_another_body_is_refused(registered, head, tmp_path, capsys):
    affine = head.grid.affine.copy()
    affine[:3, 3] += 900
    far = Volume(head.data, head.grid.placed(head.grid.shape, affine)).save(tmp_path / "far.nii")
    words = ["apply", far, registered / "transform.h5", "--onto", tmp_path / "fixed.nii.gz",
             "-o", tmp_path / "out.nii"]  # fmt: skip
    assert main([*map(str, words)]) == 2
    assert "no point of fixed.nii.gz falls into it" in capsys.readouterr().err
    assert not (tmp_path / "out.nii").exists()


def test_a_small_image_in_a_large_reference_is_found(head, tmp_path):
    small = Volume(torch.rand(1, 2, 2, 2), head.grid.window((9, 9, 9), (2, 2, 2)))
    wide = head.grid.with_shape([100, 100, 100])
    small.save(tmp_path / "small.nii")
    Volume(torch.zeros(1, *wide.shape), wide).save(tmp_path / "wide.nii")
    write_transform(Affine(np.eye(4)), tmp_path / "id.tfm")
    words = ["apply", "small.nii", "id.tfm", "--onto", "wide.nii", "-o", "out.nii"]
    assert main([str(tmp_path / w) if "." in w else w for w in words]) == 0


def test_what_looks_like_labels_is_asked_about(words, head, tmp_path, capsys):
    assert main(words("out.nii")) == 0
    values = torch.randint(0, 7, head.data.shape, dtype=torch.int16)
    Volume(values, head.grid).save(tmp_path / "head.nii.gz", overwrite=True)
    assert main(words("mixed.nii")) == 2
    assert (
        "head.nii.gz: looks like a label map, with 7 whole values; pass --labels to take the "
        "nearest voxel, or --no-labels to mix them as intensities"
    ) in capsys.readouterr().err
    assert not (tmp_path / "mixed.nii").exists()
    assert main(words("labels.nii", "--labels")) == 0
    assert main(words("nearest.nii", "--interpolation", "nearest")) == 0
    assert sha256(tmp_path / "labels.nii") == sha256(tmp_path / "nearest.nii")
    record = tmp_path / "mixed.json"
    assert main(words("mixed.nii", "--no-labels", "--record", record)) == 0
    assert len(torch.unique(read(tmp_path / "mixed.nii").data)) >= 7
    assert main(["rerun", str(record), "-q"]) == 0


def test_structures_between_the_parts_that_are_read_first_are_seen():
    grey = torch.zeros(1, 200, 40, 40, dtype=torch.int16)
    grey[0, 50] = torch.arange(1600).reshape(40, 40)
    check_no_labels(Volume(grey, np.eye(4), "grey.nii"))


def test_few_grey_levels_are_no_labels_and_a_parcellation_is(head):
    shape = head.grid.shape
    noise = torch.randint(0, 70, (1, *shape), generator=torch.Generator().manual_seed(0))
    check_no_labels(Volume(noise, head.grid, "noise.nii"))
    cells = torch.stack(torch.meshgrid(*[torch.arange(n) // 6 for n in shape], indexing="ij"))
    parcels = (cells * torch.tensor([20, 4, 1])[:, None, None, None]).sum(0)
    with pytest.raises(InputError, match=r"parcels.nii: looks like a label map, with 80 whole"):
        check_no_labels(Volume(parcels[None], head.grid, "parcels.nii"))


def test_colours_are_never_labels(head):
    check_no_labels(Volume(torch.ones(3, *head.grid.shape).cumsum(0), head.grid, "rgb.nii"))


@pytest.mark.parametrize("method", ["cubic", "sinc", "nearest", "label"])
def test_interpolation_is_chosen_and_repeated(words, tmp_path, head, parts, capsys, method):
    record, more = tmp_path / "out.json", ["--interpolation", method]
    given = words("out.nii", "--record", record)
    if method == "label":
        parts.save(tmp_path / "parts.nii.gz")
        given[1], more = str(tmp_path / "parts.nii.gz"), [*more, "--labels"]
    assert main([*given, *more]) == 0
    assert main(["rerun", str(record), "-q"]) == 0
    assert json.loads(record.read_text())["asked"]["interpolation"] == method
    record.unlink()
    assert main([*given, *more[2:], "--overwrite"]) == 0
    plain = read(tmp_path / "out.nii").data
    (tmp_path / "out.nii").unlink()
    assert main([*given, *more, "--overwrite"]) == 0
    assert not torch.equal(read(tmp_path / "out.nii").data, plain)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--interpolation", "label"], "interpolation 'label' is not for an image; allowed"),
        (["--interpolation", "cubic", "--labels"], "is not for labels; allowed: nearest, label"),
    ],
)
def test_interpolation_that_is_not_for_it_is_refused(words, tmp_path, parts, capsys, more, message):
    given = words("out.nii")
    if "--labels" in more:
        parts.save(tmp_path / "parts.nii.gz")
        given[1] = str(tmp_path / "parts.nii.gz")
    assert main([*given, *more]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.nii").exists()


@pytest.mark.parametrize(("sizes", "shape"), [("3", (11, 11, 13)), ("2.6,1.1,3.8", (12, 28, 10))])
def test_voxels_of_another_size_over_the_same_extent(words, head, tmp_path, sizes, shape):
    record = tmp_path / "out.json"
    assert main(words("out.nii", "--voxel", sizes, "--record", record)) == 0
    found = read(tmp_path / "out.nii").grid
    assert found.shape == shape
    wanted = [float(size) for size in sizes.split(",")] * (3 if "," not in sizes else 1)
    np.testing.assert_allclose(found.spacing, wanted, rtol=1e-6)
    np.testing.assert_allclose(found.centre, head.grid.centre, atol=1e-4)
    assert abs(found.corners() - head.grid.corners()).max() < np.linalg.norm(wanted)
    assert main(["rerun", str(record), "-q"]) == 0


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ("1,2", "--voxel has 2 sizes and head.nii.gz 3 axes"),
        ("0", "--voxel '0' is not like 1 or 0.5,0.5,2"),
        ("wide", "--voxel 'wide' is not like"),
        ("1,nan,1", "is not like"),
    ],
)
def test_sizes_that_are_none(words, capsys, sizes, said):
    assert main(words("out.nii", "--voxel", sizes)) == 2
    assert said in capsys.readouterr().err


def test_a_spacing_that_no_file_takes_is_refused(words, head, tmp_path, capsys):
    for sizes in ("2,2,2", "2,2"):
        given = words("out.nii", "--spacing", sizes)
        assert main(given) == 2
        said = f"--spacing {sizes}: both files state their own voxel sizes; leave it out, or give "
        assert said in capsys.readouterr().err
    np.save(tmp_path / "head.npy", head.data[0].numpy())  # it takes the spacing
    given = words("out.nii", "--spacing", "2,2,2", "--assume-ras")
    given[1] = given[given.index("--onto") + 1] = str(tmp_path / "head.npy")
    assert main(given) == 0
    np.testing.assert_allclose(read(tmp_path / "out.nii").grid.spacing, 2)
