"""`python -m benchmarks.denoise_speed`: whole commands that denoise, in seconds and in decibels.

The T1 of `ms_multicontrast`, 40 slices of 182x218 voxels of 1 mm, with Gaussian noise of a tenth of
its range (99.9 % quantile of the brain). PSNR is inside the brain, against the image as it came,
which has noise of its own. Peers are told the true sigma; regkit is told nothing. Medians of the
runs, which take turns.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import regkit as rk
from benchmarks.data import brain, contrasts
from benchmarks.denoising_cases import Array
from benchmarks.machine import describe
from benchmarks.measure import Cost, measured, median
from benchmarks.page import write
from benchmarks.register import machine_text
from benchmarks.table import Row, Table

_SLICES, _SIGMA, _TOP = 40, 0.1, 0.999
_COLUMNS = {"method": "", "PSNR dB": ".2f", "wall s": ".1f", "CPU s": ".1f", "peak GB": ".2f"}
_PAGE = Path(__file__).with_name("denoise.md")
_REGKIT = "import sys; from regkit.cli import script; script()"
_DIPY = """
import sys, nibabel, numpy
from dipy.denoise.nlmeans import nlmeans
image = nibabel.load(sys.argv[1])
data = image.get_fdata(dtype=numpy.float32).astype(float)
out = nlmeans(data, sigma=float(sys.argv[3]), rician=False, num_threads=2)
nibabel.Nifti1Image(out.astype("float32"), image.affine).to_filename(sys.argv[2])
"""
_ANTS = """
import sys, ants
image = ants.image_read(sys.argv[1])
ants.image_write(ants.denoise_image(image, noise_model="Gaussian"), sys.argv[2])
"""
METHODS = {
    "regkit fast": ("regkit", "--preset", "fast"),
    "regkit fast, from scratch": ("regkit", "--preset", "fast", "--from-scratch"),
    "regkit default": ("regkit", "--preset", "default"),
    "regkit default, from scratch": ("regkit", "--preset", "default", "--from-scratch"),
    "non-local means (dipy), true sigma": ("dipy",),
    "DenoiseImage (ANTsPy)": ("ants",),
}


def main(words: Sequence[str] | None = None) -> int:
    """Print the table, and keep it where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.denoise_speed", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--write", action="store_true", help="renew the table of denoise.md")
    asked = parser.parse_args(words)
    table = Table("Whole commands", _COLUMNS, _rows(asked.methods, asked.runs), ())
    text = f"{machine_text(describe())}\n\n{table.markdown()}"
    print(text)
    if asked.write:
        write({"speed": text}, _PAGE)
    return 0


def _rows(methods: Sequence[str], runs: int) -> list[Row]:
    clean, inside = _case()
    noise = np.random.default_rng(0).standard_normal(clean.shape, np.float32)
    noisy = clean + _SIGMA * noise
    rows: list[Row] = [{"method": "noisy", "PSNR dB": _psnr(noisy, clean, inside)}]
    costs: dict[str, list[Cost]] = {name: [] for name in methods}
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder, "noisy.nii.gz")
        rk.Volume(noisy, np.eye(4)).save(image)
        for name in list(methods) * runs:
            out = Path(folder, "out.nii.gz")
            costs[name].append(measured(_command(name, image, out), Path(folder, "log")))
            found[name] = _psnr(rk.read(out).data[0].float().numpy(), clean, inside)
            out.unlink()
    return rows + [_row(name, found[name], median(each)) for name, each in costs.items()]


def _row(name: str, psnr: float, cost: Cost) -> Row:
    spent = {"wall s": cost.wall, "CPU s": cost.cpu, "peak GB": cost.peak}
    return {"method": name, "PSNR dB": psnr, **spent}


def _command(name: str, image: Path, out: Path) -> list[str]:
    kind, *words = METHODS[name]
    if kind == "regkit":
        own = ["denoise", str(image), "-o", str(out), "--overwrite", "--threads", "2"]
        return [sys.executable, "-c", _REGKIT, *own, *words]
    return [sys.executable, "-c", _DIPY if kind == "dipy" else _ANTS, str(image), str(out),
            str(_SIGMA)]  # fmt: skip


def _case() -> tuple[Array, np.ndarray]:
    volume = contrasts()["T1"]
    inside = brain(volume).data[0].numpy() > 0
    data = volume.data[0].numpy() - float(volume.data.flatten()[0])
    first = (data.shape[2] - _SLICES) // 2
    middle = np.s_[:, :, first : first + _SLICES]
    data, inside = data[middle].astype(np.float32), inside[middle]
    return data / np.quantile(data[inside], _TOP), inside


def _psnr(image: Array, clean: Array, inside: np.ndarray) -> float:
    return float(-10 * np.log10(np.square(image - clean)[inside].mean()))


if __name__ == "__main__":
    sys.exit(main())
