"""Several channels on the command line: chosen, weighed, recorded, run again."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import regkit as rk
from regkit.cli import main

FEW = "linear: {spacings: [8.0], iterations: 5}\nfield: {factors: [2, 1], iterations: [5, 2]}\n"


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    """A folder with two RGB pictures, one of which lies two pixels off, and a grey one."""
    folder = tmp_path_factory.mktemp("colours")
    y, x = np.mgrid[:40, :48]
    shapes = [
        200 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / r)
        for cx, cy, r in ((20, 16, 90), (30, 24, 60), (24, 22, 300))
    ]
    pixels = np.stack(shapes, -1).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "fixed.png")
    Image.fromarray(np.roll(pixels, (2, -1), (0, 1))).save(folder / "moving.png")
    Image.fromarray(pixels[..., 2]).save(folder / "grey.png")
    (folder / "few.yaml").write_text(FEW)
    return folder


def _register(folder, out, *more, moving="moving.png"):
    images = folder / "fixed.png", folder / moving
    words = ["register", *images, "-o", out, "--config", folder / "few.yaml", "-q", *more]
    return main([*map(str, words)])


@pytest.fixture(scope="module")
def registered(colours, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    assert _register(colours, out, "--channels", "2,0", "--channel-weights", "2,1") == 0
    return out


def test_the_record_says_what_was_chosen(registered):
    record = json.loads((registered / "run.json").read_text())
    assert record["reading"]["channels"] == [2, 0]
    assert record["asked"]["channel_weights"] == [2.0, 1.0]
    assert record["config"]["channel_weights"] == [2.0, 1.0]


def test_all_that_was_chosen_is_warped(registered):
    warped = rk.read(registered / "warped.nii.gz", channels="all")
    assert warped.channels == 2
    assert warped.data.dtype is torch.uint8


def test_a_run_of_channels_gives_the_same_again(registered, colours, capsys):
    words = ["rerun", registered / "run.json", "--data", colours, "-q"]
    assert main([*map(str, words)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "the result is identical"


def test_luminance_stands_beside_a_grey_image(colours, tmp_path):
    out = tmp_path / "out"
    assert _register(colours, out, "--channels", "luminance", moving="grey.png") == 0
    assert rk.read(out / "warped.nii.gz").channels == 1


@pytest.mark.parametrize(
    ("words", "moving", "said"),
    [
        ([], "moving.png", "fixed.png: has 3 channels; pass --channel N, N from 0 to 2, or "
                           "--channels all, numbers such as --channels 0,1"),
        (["--channels", "all"], "grey.png", "fixed.png has 3 channels and grey.png has 1 channel"),
        (["--channels", "all", "--channel-weights", "2,1"], "moving.png", "2,1 are 2, and the "),
        (["--channels", "all", "--channel-weights", "0,0,0"], "moving.png", "are all 0"),
        (["--channels", "all", "--channel-weights", "red"], "moving.png", "'red' is not like 2,1"),
        (["--channels", "red"], "moving.png", "has no channel 'red'; its channels: none has"),
        (["--channels", "1,7"], "moving.png", "has no channel 7; allowed: 0 to 2"),
        (["--channels", "1,1"], "moving.png", "allowed: different whole numbers"),
        (["--channels", "0,1", "--channel", "1"], "moving.png", "give one of them"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_one_line(colours, tmp_path, capsys, words, moving, said):
    assert _register(colours, tmp_path / "out", *words, moving=moving) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]


@pytest.mark.parametrize(
    ("words", "channels"),
    [
        ([], 3),
        (["--channels", "1,0"], 2),
        (["--channel", "1"], 1),
        (["--channels", "luminance"], 1),
    ],
)
def test_apply_warps_all_channels_or_those_that_are_named(
    registered, colours, tmp_path, words, channels
):
    image, out = colours / "moving.png", tmp_path / "out.nii.gz"
    phi = registered / "transform.h5"
    told = ["apply", image, phi, "--onto", colours / "fixed.png", "-o", out, *words]
    assert main([*map(str, told)]) == 0
    found = rk.read(out, channels="all")
    assert found.channels == channels
    if channels == 3:
        grid = rk.read(colours / "fixed.png", channel=0).grid
        one = rk.warp(rk.read(image, channel=2), rk.read_transform(phi), onto=grid)
        assert torch.equal(found.data[2:], one.data)


@pytest.mark.parametrize("words", [[], ["--channels", "all"], ["--channels", "luminance"]])
def test_info_says_how_many_channels_there_are(colours, capsys, words):
    assert main(["info", str(colours / "fixed.png"), "--json", *words]) == 0
    assert json.loads(capsys.readouterr().out)["channels"] == 3


def test_contrasts_in_files_of_their_own_are_compared_together(files, head, tmp_path):
    moving = rk.read(files.moving)
    second = [
        image.with_data(image.data.float().sqrt()).save(tmp_path / f"{name}.nii.gz")
        for name, image in (("fixed2", head), ("moving2", moving))
    ]
    out = tmp_path / "out"
    words = ["--transform", "rigid", "--threads", 1, "--channel-weights", "2,1", "--quiet"]
    more = ["--fixed-with", second[0], "--moving-with", second[1]]
    given = [files.fixed, files.moving, "-o", out, *words, *more]
    assert main(["register", *map(str, given)]) == 0
    record = json.loads((out / "run.json").read_text())
    roles = [each["role"] for each in record["inputs"]]
    assert roles == ["fixed", "moving", "fixed_with", "moving_with"]
    assert rk.read(out / "warped.nii.gz", channels="all").channels == 2
    data = ["--data", str(files.fixed.parent), "--data", str(tmp_path)]
    again = ["-o", str(tmp_path / "again"), "--quiet"]
    assert main(["rerun", str(out / "run.json"), *data, *again]) == 0
    both = [
        rk.Volume.stacked([one, rk.read(two)])
        for one, two in zip((rk.read(files.fixed), moving), second, strict=True)
    ]
    alone = rk.register(*both, transform="rigid", threads=1, channel_weights=(2, 1))
    found = rk.read_transform(out / "transform.h5")
    assert np.allclose(found.matrix, alone.transform.matrix, atol=1e-5)


def test_every_contrast_needs_its_counterpart(files, tmp_path, capsys):
    words = files.words("-o", tmp_path / "out", "--fixed-with", files.mask)
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "--fixed-with names 1 images and --moving-with 0; give as many of each" in said
