"""Small made-up data sets, whose truth is known."""

import numpy as np
import pytest
import torch
import yaml

from regkit.geometry.affines import homogeneous, rotation
from regkit.io import save
from regkit.volume import Labels, Volume

SIZE = 40


@pytest.fixture(scope="session")
def visits(tmp_path_factory):
    """Two visits of 12 people in 2-D: in half of them a hole grows; every visit has its own pose.

    Pixels are oblique, anisotropic and left-handed.
    """
    folder = tmp_path_factory.mktemp("visits")
    drawn = np.random.default_rng(0)
    lines = ["subject,visit,image,labels,grows,growth,age"]
    for n in range(12):
        grows, own = n % 2, drawn.normal(size=4)
        for visit in ("bl", "m12"):
            extra = 0.15 * grows * (visit == "m12")
            name = f"p{n}_{visit}"
            _picture(drawn, own, extra, folder / f"{name}.nii.gz", folder / f"{name}_labels.nii.gz")
            lines.append(
                f"p{n},{visit},{name}.nii.gz,{name}_labels.nii.gz,{grows},{0.15 * grows},{60 + n}"
            )
    (folder / "people.csv").write_text("\n".join(lines) + "\n")
    return folder


def _picture(drawn, own, extra, image, labels):
    turn = rotation([0.3]) @ np.diag([-1.0, 1.2])
    affine = homogeneous(turn, [20.0, -15.0])
    pose = rotation([0.1 * drawn.normal()])
    axes = torch.arange(SIZE, dtype=torch.float64) - SIZE / 2 + 0.5
    points = torch.stack(torch.meshgrid(axes, axes, indexing="ij"), -1).numpy() @ pose
    points = points - drawn.normal(size=2)
    body = ((points / [13 + 0.5 * own[0], 15 + 0.5 * own[1]]) ** 2).sum(-1)
    hole = ((points - 2) / (4 + 0.3 * own[2]) / (1 + extra)) ** 2
    hole = hole.sum(-1)
    spot = (((points + 5) / 2) ** 2).sum(-1)
    data = 100 / (1 + np.exp(8 * (body - 1))) - 60 / (1 + np.exp(4 * (hole - 1)))
    data = (1 + 0.1 * drawn.normal()) * (data + 40 * np.exp(-spot)) + drawn.normal(size=data.shape)
    save(Volume(data[None].astype(np.float32), affine, image.name), image)
    save(Labels((hole < 1).astype(np.uint8)[None] + (body < 1)[None], affine), labels)


@pytest.fixture
def study(tmp_path):
    """Write a configuration; settings that are None are left out."""

    def made(**settings):
        path = tmp_path / "study.yaml"
        given = {"study": "a study", "resamples": 200, "permutations": 2, "seeds": [0], "folds": 3}
        given |= {"inner_folds": 2, "strengths": [1.0, 100.0], **settings}
        path.write_text(yaml.safe_dump({k: v for k, v in given.items() if v is not None}))
        return path

    return made
