"""Where two subjects lie in each other."""

from pathlib import Path

import torch

from regkit.training import teacher
from regkit.training.subjects import Subject
from regkit.training.table import Row


def _subject(name, file):
    return Subject(name, (Row(Path(file), "t1", name),), 8, "mr")


def test_each_pair_is_found_once_and_names_of_other_tables_are_other_people(monkeypatch):
    asked = []

    def found(fixed, moving):
        asked.append((fixed.rows[0].image.name, moving.rows[0].image.name))
        return torch.tensor(float(len(asked))), torch.tensor(-float(len(asked)))

    monkeypatch.setattr(teacher, "_found", found)
    one, two = _subject("1", "a.nii"), _subject("2", "b.nii")
    elsewhere = _subject("1", "c.nii"), _subject("2", "d.nii")
    tells = teacher.Teacher()
    there, back = tells(one, two)
    assert tells(one, two) == (there, back)
    assert tells(two, one) == (back, there)
    assert tells(*elsewhere) != (there, back)
    assert asked == [("a.nii", "b.nii"), ("c.nii", "d.nii")]
