import pytest
import torch

from denoise.pipeline import denoise
from denoise.task import DenoisingTask
from denoise.weights import read_method
from regkit import InputError
from regkit.cli import main
from regkit.training.loop import WEIGHTS

YAML = """
task: denoising
output: run
table: table.csv
held_out: [c]
widths: [8, 16]
patch: 24
threads: 1
validate_every: 40
stages: [{steps: 80, learning_rate: 2.0e-3, decay: true}]
"""


@pytest.fixture
def cohort(noisy, tmp_path, monkeypatch):
    """Three noisy images, a table of them, and settings."""
    rows = ["image,subject"]
    for seed, subject in enumerate("abc"):
        noise = torch.randn(noisy.clean.data.shape, generator=torch.Generator().manual_seed(seed))
        image = noisy.clean.with_data(noisy.clean.data + 8 * noise)
        image.save(tmp_path / f"{subject}.nii.gz")
        rows.append(f"{subject}.nii.gz,{subject}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    (tmp_path / "few.yaml").write_text(YAML)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_cohort_goes_in_and_a_model_comes_out(cohort, noisy, quick, capsys):
    assert main(["train", "--config", "few.yaml"]) == 0
    assert "risk" in capsys.readouterr().err
    trained, sigma = read_method(cohort / "run" / WEIGHTS)
    assert 0.05 < sigma < 0.2
    unseen = torch.randn(noisy.clean.data.shape, generator=torch.Generator().manual_seed(7))
    image = noisy.clean.with_data(noisy.clean.data + 8 * unseen)
    result = denoise(image, quick, trained=trained)
    assert result.history == ()
    assert noisy.psnr(result.denoised) > noisy.psnr(image) + 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"held_out": ["z"]}, "'z' is no subject"),
        ({"held_out": ["a", "b", "c"]}, "no image to learn from"),
        ({"width": [4, 8]}, "did you mean 'widths'"),
        ({"start": "table.csv"}, "is no model"),
    ],
)
def test_wrong_words_are_refused(cohort, change, said):
    given = {"task": "denoising", "output": "run", "table": "table.csv", "stages": [{"steps": 1}]}
    with pytest.raises(InputError, match=said):
        DenoisingTask.of(given | change, "x.yaml")
