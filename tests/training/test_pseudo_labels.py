"""Where two subjects lie in each other."""

import torch

from regkit.training import pseudo_labels
from regkit.training.prepared import PreparedArrays
from regkit.training.subjects import Subject
from regkit.training.table import SourceRow

CPU = torch.device("cpu")


def test_each_pair_is_found_once_and_names_of_other_tables_are_other_people(monkeypatch, tmp_path):
    asked = []

    def found(fixed, moving, *_):
        asked.append((fixed.rows[0].image.name, moving.rows[0].image.name))
        return torch.tensor([float(len(asked))]), torch.tensor([-float(len(asked))])

    def subject(name, file):
        path = tmp_path / file
        path.touch()
        return Subject(
            name, (SourceRow(path, "t1", name),), 8, "mr", PreparedArrays(tmp_path / "kept")
        )

    monkeypatch.setattr(pseudo_labels, "_found", found)
    one, two = subject("1", "a.nii"), subject("2", "b.nii")
    elsewhere = subject("1", "c.nii"), subject("2", "d.nii")
    there, back = pseudo_labels.pseudo_displacement(one, two, CPU)
    assert pseudo_labels.pseudo_displacement(one, two, CPU) == (there, back)
    assert pseudo_labels.pseudo_displacement(two, one, CPU) == (back, there)
    assert pseudo_labels.pseudo_displacement(*reversed(elsewhere), CPU) == (-2.0, 2.0)
    assert pseudo_labels.pseudo_displacement(*elsewhere, CPU) == (2.0, -2.0)
    assert asked == [("a.nii", "b.nii"), ("c.nii", "d.nii")]
