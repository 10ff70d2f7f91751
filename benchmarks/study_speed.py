"""`python -m benchmarks.study_speed`: a study of prompt robustness beside one process a cell.

The study is `benchmarks/studies/robustness.yaml` with `prompt-unet` on brain b alone, its five
structures, and of each perturbation every third magnitude, or every Nth with `--every N`. A cell in
a process of its own opens the model, reads image and truth, makes the prompt, asks and scores, as
the study does for all cells at once. Processor time counts, children included; what the study needs
in all for three such cases is `whole`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from benchmarks.data import data_folder
from benchmarks.machine import describe
from benchmarks.measure import measured, median
from benchmarks.register import machine_text
from benchmarks.table import Row, Table

_CONFIG = Path(__file__).parent / "studies/robustness.yaml"
_COLUMNS = {"way": "", "cells": "d", "wall s": ".1f", "CPU s": ".1f", "CPU s a cell": ".2f"}
_ONE_CELL = "import sys; from benchmarks.study_speed import ask_one; ask_one(sys.argv[1])"
_REGKIT = "import sys; from regkit.cli import script; script()"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study_speed", description=__doc__)
    parser.add_argument("--every", type=int, default=3, metavar="N")
    parser.add_argument("--cells", type=int, default=3, help="how many are asked alone")
    asked = parser.parse_args()
    whole = yaml.safe_load(_CONFIG.read_text())
    thin = _thinned(whole, asked.every)
    rows, share = _rows(thin, asked.cells)
    print(machine_text(describe()))
    print(f"\n{Table('Studies and single cells', _COLUMNS, rows, ()).markdown()}")
    print(f"\nOne process a cell: {share:.1f} times the processor time of the study.")
    needed = rows[0]["CPU s a cell"] * 3 * _cells(whole)
    print(f"whole: 3 cases, {3 * _cells(whole)} cells, {needed / 60:.1f} minutes of one core.")
    return 0


def ask_one(path: str) -> None:
    """Ask the last question of a study in this process."""
    from foundation.segmenters.registry import open_segmenter
    from foundation.studies.asking import ask, show
    from foundation.studies.cells import MEASURED
    from foundation.studies.config import read_study
    from foundation.studies.robustness.config import RobustnessConfig
    from foundation.studies.robustness.job import RobustnessJob

    config = read_study(Path(path), RobustnessConfig)
    name, case = config.models[0], config.cases[0].name
    job = RobustnessJob(config=config, model=name, case=case, folder=Path(path).parent)
    task = job.look().open()
    model = show(lambda: open_segmenter(name), task.image)
    *_, question = task.questions()
    if isinstance(model, tuple) or ask(model, question, config.tolerance).status not in MEASURED:
        raise SystemExit("the question was not answered")


def _thinned(whole: dict[str, Any], every: int) -> dict[str, Any]:
    """One model and one case, and of each perturbation every so many magnitudes."""
    folder = data_folder().absolute() / "brain_t1"
    case = {"name": "b", "image": str(folder / "b_t1.nii.gz")}
    return {
        **whole,
        "models": ["prompt-unet"],
        "cases": [{**case, "labels": str(folder / "b_labels.nii.gz")}],
        "perturbations": [
            {**each, "magnitudes": each["magnitudes"][::every]} for each in whole["perturbations"]
        ],
    }


def _cells(config: dict[str, Any]) -> int:
    asked = 1 + sum(len(each["magnitudes"]) for each in config["perturbations"])
    return asked * len(config["labels"])


def _single(config: dict[str, Any], number: int) -> dict[str, Any]:
    """The study of one structure and one perturbation, of which the last question is asked."""
    label, value = list(config["labels"].items())[number % len(config["labels"])]
    kind = config["perturbations"][number % len(config["perturbations"])]
    few = [{**kind, "magnitudes": kind["magnitudes"][:1]}]
    return {**config, "labels": {label: value}, "perturbations": few}


def _rows(config: dict[str, Any], alone: int) -> tuple[list[Row], float]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        file = folder / "study.yaml"
        file.write_text(yaml.safe_dump(config))
        words = ["study", "robustness", str(file), "-o", str(folder / "out"), "--workers", "1"]
        study = measured([sys.executable, "-c", _REGKIT, *words], folder / "log")
        costs = []
        for number in range(alone):
            file.write_text(yaml.safe_dump(_single(config, number)))
            costs.append(measured([sys.executable, "-c", _ONE_CELL, str(file)], folder / "log"))
        single = median(costs)
    count = _cells(config)
    rows: list[Row] = [
        {"way": "the study", "cells": count, "wall s": study.wall, "CPU s": study.cpu,
         "CPU s a cell": study.cpu / count},
        {"way": f"a process a cell, median of {alone}", "cells": 1, "wall s": single.wall,
         "CPU s": single.cpu, "CPU s a cell": single.cpu},
    ]  # fmt: skip
    return rows, single.cpu / (study.cpu / count)


if __name__ == "__main__":
    sys.exit(main())
