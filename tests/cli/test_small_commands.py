import json
from dataclasses import fields

import numpy as np
import pytest
import torch

from regkit import Affine, read, read_labels, write_transform
from regkit.cli import main
from regkit.io import ReadOptions, read_header, save_series


def test_apply_gives_the_warped_image_again(registered, files, tmp_path, capsys):
    out = tmp_path / "again.nii.gz"
    words = ["apply", files.moving, registered / "transform.h5", "--onto", files.fixed, "-o", out]
    assert main([*map(str, words)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    torch.testing.assert_close(
        read(out).data, read(registered / "warped.nii.gz").data, atol=0.02, rtol=0
    )


def test_apply_keeps_labels(registered, files, tmp_path):
    out = tmp_path / "labels.nii.gz"
    words = ["apply", files.labels, registered / "transform.h5", "--onto", files.fixed]
    assert main([*map(str, words), "-o", str(out), "--labels"]) == 0
    same = read_labels(registered / "warped_lobes.nii.gz").data == read_labels(out).data
    assert same.float().mean() > 0.999


def test_apply_takes_several_transforms_in_order(registered, files, tmp_path):
    out = tmp_path / "there_and_back.nii.gz"
    both = [registered / "transform.h5", registered / "inverse.h5"]
    words = ["apply", files.fixed, *both, "--onto", files.fixed, "-o", out]
    assert main([*map(str, words)]) == 0
    assert (read(out).data - read(files.fixed).data).abs().max() < 3


def test_apply_refuses_a_file_that_is_there(registered, files, capsys):
    words = ["apply", files.moving, registered / "transform.h5", "--onto", files.fixed]
    assert main([*map(str, words), "-o", str(registered / "warped.nii.gz")]) == 2
    assert "warped.nii.gz" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (["--labels", "--outside", "-1"], "0 to 255"),
        (["--labels", "--outside", "300"], "0 to 255"),
        (["--no-labels", "--outside", "0.5"], "0 to 255"),
        (["--no-labels", "--outside", "-1000"], "0 to 255"),
    ],
)
def test_apply_refuses_a_value_outside_that_the_image_cannot_hold(
    files, words, allowed, tmp_path, capsys
):
    from regkit import Affine, write_transform

    write_transform(Affine.identity(), tmp_path / "same.h5")
    line = ["apply", files.labels, tmp_path / "same.h5", "--onto", files.fixed]
    assert main([*map(str, line), "-o", str(tmp_path / "out.nii.gz"), *words]) == 2
    assert f"does not fit its type uint8; allowed: whole numbers from {allowed}" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "out.nii.gz").exists()


def test_points_go_there_and_back(registered, head, tmp_path, capsys):
    start = head.grid.centre + np.array([[1.5, 2.0, -3.0], [0.0, 0.0, 0.0]])
    table = tmp_path / "p.csv"
    table.write_text("x,y,z,name\n" + "".join(f"{x},{y},{z},tip\n" for x, y, z in start))
    phi = str(registered / "transform.h5")
    assert main(["points", str(table), phi]) == 0
    table.write_text(capsys.readouterr().out)
    assert main(["points", str(table), phi, "--of", "moving"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header == "x,y,z,name"
    back = np.array([[float(cell) for cell in row.split(",")[:3]] for row in rows])
    np.testing.assert_allclose(back, start, atol=0.05)


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_info_says_what_a_file_is_taken_for(files, capsys, words):
    assert main(["info", str(files.fixed), *words]) == 0
    out = capsys.readouterr().out
    if words:
        facts = json.loads(out)
        assert (facts["shape"], facts["orientation"]) == ([24, 28, 20], "LAS")
    else:
        assert "spacing     1.3 1.1 1.9" in out


@pytest.fixture
def series(head, tmp_path):
    """Three frames of one head, each brighter by 10."""
    frames = [head.with_data(head.data + 10 * number) for number in range(3)]
    return save_series(frames, tmp_path / "series.nii.gz", repetition=2.5)


@pytest.fixture
def identity(tmp_path):
    return write_transform(Affine.identity(), tmp_path / "identity.tfm")


def test_apply_to_every_frame(series, identity, files, head, tmp_path, capsys):
    out = tmp_path / "warped.nii.gz"
    words = ["apply", series, identity, "--onto", series, "-o", out]
    assert main([*map(str, words)]) == 0
    header = read_header(out)
    assert (header.frames, header.repetition) == (3, 2.5)
    for number in range(3):
        found = read(out, frame=number).data
        torch.testing.assert_close(found, head.data + 10 * number, atol=1e-3, rtol=0)
    assert main([*map(str, words[:-1]), str(tmp_path / "one.nii.gz"), "--frame", "2"]) == 0
    torch.testing.assert_close(
        read(tmp_path / "one.nii.gz").data, head.data + 20, atol=1e-3, rtol=0
    )
    assert main([*map(str, words[:-1]), str(tmp_path / "three.mha")]) == 2
    assert ".mha holds one image, not a series of 3" in capsys.readouterr().err
    assert main([*map(str, words[:-1]), str(tmp_path / "three.tif")]) == 2
    assert "three.tif: a picture holds no origin and orientation" in capsys.readouterr().err


def test_info_of_a_series(series, head, capsys):
    assert main(["info", str(series), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["frames"], facts["channels"], facts["shape"]) == (3, 1, [24, 28, 20])
    assert facts["highest"] == pytest.approx(float(head.data.max()) + 20)
    assert facts["mean"] == pytest.approx(float(head.data.mean()) + 10, rel=1e-4)
    assert main(["info", str(series), "--frame", "0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["highest"] == pytest.approx(float(head.data.max()))


def test_the_frame_is_that_of_the_image_that_has_several(series, files, tmp_path):
    """`--frame 2` with a 3-D fixed: frame 2 of moving."""
    out = tmp_path / "out"
    words = ["register", files.fixed, series, "-o", out, "--transform", "rigid", "--frame", "2"]
    few = ["--config", files.few, "--threads", "1", "-q"]
    assert main([*map(str, (*words, *few))]) == 0
    warped, fixed = read(out / "warped.nii.gz").data, read(files.fixed).data
    inside = (slice(None), *(slice(6, -6),) * 3)
    assert float((warped - fixed)[inside].mean()) == pytest.approx(20, abs=1)
    record = json.loads((out / "run.json").read_text())
    assert record["reading"]["frame"] == 2
    assert main(["rerun", str(out / "run.json"), "--data", str(files.fixed.parent), "-q"]) == 0


def test_a_frame_of_two_images_that_have_one(files, tmp_path, capsys):
    words = ["register", files.fixed, files.moving, "-o", tmp_path / "out", "--frame", "1"]
    assert main([*map(str, words)]) == 2
    assert "fixed.nii.gz: has no frame 1; allowed: 0 to 0" in capsys.readouterr().err


@pytest.mark.parametrize("spacing", ["0.5,0.5,2", "0.5,0.5,0"])
def test_spacing_of_an_array(tmp_path, capsys, spacing):
    np.save(tmp_path / "a.npy", np.zeros((4, 5, 6)))
    words = ["info", str(tmp_path / "a.npy"), "--json", "--spacing", spacing]
    code = main([*words, "--assume-ras"])
    told = capsys.readouterr()
    if spacing.endswith("0"):
        assert (code, told.out) == (2, "")
        assert "spacing is (0.5, 0.5, 0.0); allowed: two or three positive numbers" in told.err
        return
    assert json.loads(told.out)["spacing"] == [0.5, 0.5, 2.0]
    assert main(words) == 2
    assert "pass --assume-ras if" in capsys.readouterr().err
    assert main(["info", str(tmp_path / "a.npy"), "--spacing", "wide"]) == 2
    assert "--spacing 'wide' is not like 0.5,0.5,2" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["register", "apply", "info", "denoise"])
def test_every_command_that_reads_images_takes_the_same_options(command, capsys):
    assert main([command, "--help"]) == 0
    told = capsys.readouterr().out
    for name in fields(ReadOptions):
        option = f"--{name.name.replace('_', '-')}"
        denoise = ("--allow-shear", "--padding", "--channels")
        without = denoise if command == "denoise" else ()
        assert (option in told) == (option not in without), option


def test_a_run_says_its_transform_and_its_grid(registered, files, tmp_path, capsys):
    paths = [tmp_path / f"{name}.nii.gz" for name in ("named", "found", "back")]
    chain = [registered / "transform.h5", "--onto", files.fixed]
    ways = [chain, ["--run", registered], ["--run", registered, "--to", "moving"]]
    images = [files.moving, files.moving, files.fixed]
    for image, way, path in zip(images, ways, paths, strict=True):
        more = ["--onto", files.moving] if "moving" in way else []
        assert main([str(word) for word in ("apply", image, *way, *more, "-o", path)]) == 0
    assert torch.equal(read(paths[0]).data, read(paths[1]).data)
    assert read(paths[2]).grid == read(files.moving).grid
    table = tmp_path / "points.csv"
    table.write_text("x,y,z\n1,2,3\n")
    capsys.readouterr()
    told = []
    for way in ([registered / "transform.h5"], ["--run", registered]):
        assert main([str(word) for word in ("points", table, *way)]) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["apply", "{moving}", "-o", "{out}"], "there is no transform; give TRANSFORM, or"),
        (["apply", "{moving}", "{run}/transform.h5", "-o", "{out}"], "there is no reference"),
        (
            ["apply", "{fixed}", "--run", "{run}", "--to", "moving", "-o", "{out}"],
            "there is no reference",
        ),
        (["apply", "{moving}", "{run}/inverse.h5", "--run", "{run}", "-o", "{out}"], "give one of"),
        (["apply", "{moving}", "--run", "{tmp}", "-o", "{out}"], "holds no transform.h5 for which"),
        (["points", "{moving}"], "give either TRANSFORM or --run"),
    ],
)
def test_a_way_that_is_not_clear_is_refused(registered, files, tmp_path, capsys, words, said):
    known = {"moving": files.moving, "fixed": files.fixed, "run": registered, "tmp": tmp_path}
    known["out"] = tmp_path / "out.nii.gz"
    assert main([word.format(**known) for word in words]) == 2
    assert said in capsys.readouterr().err
