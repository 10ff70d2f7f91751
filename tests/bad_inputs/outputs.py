"""Rows 39 to 45 and 59: where the pair lies, where the result goes, what files are called."""

from __future__ import annotations

import shutil

from regkit import Grid, Volume, read
from regkit.geometry.affines import homogeneous
from tests.bad_inputs.case import WORDS, Case


def apart(place):
    """The pair, 400 mm apart, started from the headers."""
    image = read(place.moving)
    far = homogeneous(image.grid.affine[:3, :3], image.grid.affine[:3, 3] + [400, 0, 0])
    path = Volume(image.data, Grid(image.grid.shape, far)).save(place.inputs / "far.nii")
    return ["register", place.fixed, path, "-o", place.out, "--init", "header"]


def warped(place, output, *more):
    return ["apply", place.moving, place.phi, "--onto", place.fixed, "-o", output, *more]


def taken(place):
    (place.out / "warped.nii.gz").write_text("mine")
    return place.run


def apply_taken(place):
    (place.out / "x.nii").write_text("mine")
    return warped(place, place.out / "x.nii")


def through(link):
    """The output is the moving image, by another name."""

    def make(place):
        name = place.out / "warped.nii.gz"
        source = place.inputs / "m.nii.gz"
        read(place.moving).save(source)
        getattr(name, link)(source)
        return ["register", place.fixed, source, "-o", place.out, "--overwrite"]

    return make


def onto_itself(place):
    source = shutil.copy(place.moving, place.out / "m.nii")
    return ["apply", source, place.phi, "--onto", place.fixed, "-o", source, "--overwrite"]


def closed(words):
    def make(place):
        place.out.chmod(0o555)
        return words(place)

    return make


def long_labels(place):
    path = shutil.copy(place.labels, place.inputs / ("n" * 248 + ".nii"))
    return [*place.run, "--moving-labels", path]


CASES = [
    Case(39, "apart", apart, ("far.nii", "overlap", "mm apart", "--init centers"), WORDS),
    Case(41, "taken", taken, ("warped.nii.gz", "exists"), WORDS),
    Case(41, "taken", apply_taken, ("x.nii", "exists"), WORDS),
    Case(42, "by a link", through("symlink_to"), ("overwrite the input m.nii.gz",), WORDS),
    Case(42, "by a hard link", through("hardlink_to"), ("overwrite the input m.nii.gz",), WORDS),
    Case(42, "itself", onto_itself, ("overwrite the input m.nii",), WORDS),
    Case(43, "missing", lambda p: warped(p, p.out / "no" / "x.nii"), ("not exist",), WORDS),
    Case(43, "read-only", closed(lambda p: p.run), ("may not be written",), WORDS, closed=True),
    Case(
        43,
        "read-only",
        closed(lambda p: warped(p, p.out / "x.nii")),
        ("may not be",),
        WORDS,
        closed=True,
    ),
    Case(43, "a file", lambda p: [*p.run[:-1], p.fixed], ("is a file, not a folder",), WORDS),
    Case(43, "under a file", lambda p: [*p.run[:-1], p.fixed / "x"], ("fixed.nii",), WORDS),
    Case(45, "extension", lambda p: warped(p, p.out / "x.xyz"), (".xyz", "writable: .nii"), WORDS),
    Case(45, "none", lambda p: warped(p, p.out / "x"), ("no extension", ".nii.gz"), WORDS),
    Case(59, "output too long", lambda p: [*p.run[:-1], p.out / ("n" * 400)], ("name",), WORDS),
    Case(59, "labels too long", long_labels, ("262 bytes", "at most 255"), WORDS),
    Case(52, "URL", lambda _: ["info", "https://example.org/a.nii"], ("not found",), WORDS),
    Case(52, "GDAL", lambda _: ["info", "/vsicurl/https://example.org/a.tif"], ("not",), WORDS),
    Case(59, "stdin", lambda _: ["info", "-"], ("-: not found",), WORDS),
    Case(59, "like an option", lambda _: ["info", "--", "-a.nii"], ("-a.nii: not found",), WORDS),
]
