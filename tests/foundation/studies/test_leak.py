"""No model sees the truth: other truths, the same prompt, the same answer, through a study."""

from dataclasses import dataclass, field, replace

import pytest
import torch
import yaml

from foundation.segmenters import Segmenter
from foundation.segmenters.nninteractive import NnInteractive, capabilities_of
from foundation.segmenters.prompt_unet.segmenter import open_prompt_unet, open_prompt_unet_robust
from foundation.segmenters.random_walker import open_random_walker
from foundation.segmenters.slices import SliceCarrier, SliceWise
from foundation.segmenters.slices.sam2_memory import Sam2Memory
from foundation.segmenters.vista3d import Vista3d, vista3d_network
from foundation.studies.config import read_study
from foundation.studies.generalization.config import GeneralizationConfig
from foundation.studies.generalization.job import GeneralizationJob
from regkit import read
from regkit.io import read_labels
from regkit.runs import ignore
from tests.foundation.segmenters.small_models import (
    Fill,
    Session,
    small_sam2_video,
    small_sam_med3d,
)


@dataclass
class Recorder:
    """A model, and all that it has answered."""

    model: Segmenter
    answers: list = field(default_factory=list)

    @property
    def name(self):
        return self.model.name

    @property
    def capabilities(self):
        return self.model.capabilities

    def set_image(self, image):
        self.model.set_image(image)

    def segment(self, prompts):
        self.answers.append(self.model.segment(prompts))
        return self.answers[-1]

    def reset(self):
        self.model.reset()


def small_vista3d():
    """The real architecture, narrow, with random weights; it knows both structures by name."""
    pytest.importorskip("monai", reason="the extra monai is not installed")
    torch.manual_seed(0)
    model = Vista3d(vista3d_network(8), window=48)
    known = replace(model.capabilities, classes=("large", "small"))
    return replace(model, capabilities=known)


def noted_nninteractive():
    """The adapter before a session that answers with what it is told."""
    session = Session()
    return NnInteractive(session, capabilities_of(session, trained=True))


MODELS = {
    "nninteractive": (noted_nninteractive, "atlas"),
    "prompt-unet": (lambda: open_prompt_unet(None), "atlas"),
    "prompt-unet-robust": (lambda: open_prompt_unet_robust(None), "atlas"),
    "random-walker": (lambda: open_random_walker(None), "atlas"),
    "sam-med3d": (small_sam_med3d, "atlas"),
    "sam2": (lambda: SliceWise(Sam2Memory(small_sam2_video())), "atlas"),
    "slices": (lambda: SliceWise(SliceCarrier(Fill())), "atlas"),
    "vista3d": (small_vista3d, "class"),  # it takes no mask
}


@pytest.fixture(scope="module")
def truths(cases, tmp_path_factory):
    """The labels of a case, and others: moved, and both structures smaller."""
    folder, found = cases
    labels = read_labels(folder / found[0]["labels"])
    other = labels.with_data(torch.roll(labels.data, (6, -5), (1, 2)) * (labels.data == 0))
    place = tmp_path_factory.mktemp("truths") / "other.nii.gz"
    other.save(place)
    assert bool((other.data > 0).any())
    return folder / found[0]["labels"], place


@pytest.fixture
def answers(cases, tmp_path):
    """Ask one model about one image by prompts of a source, with a truth of one's choice."""
    folder, found = cases
    settings = {
        "study": "leak", "models": ["echo"], "in_domain": "T1",
        "labels": {"large": 1, "small": 2}, "atlas": {**found[1], "subject": "atlas"},
    }  # fmt: skip
    settings["atlas"].pop("name")

    def ask(model, source, truth):
        case = {**found[0], "labels": str(truth), "domain": "T1"}
        file = folder / "leak.yaml"
        file.write_text(yaml.safe_dump({**settings, "sources": [source], "cases": [case]}))
        config = read_study(file, GeneralizationConfig)
        job = GeneralizationJob(
            config=config, model="echo", case="one", folder=tmp_path, shift="none", severity=0,
            image=folder / found[0]["image"], atlas_labels=folder / found[1]["labels"],
        )  # fmt: skip
        recorder = Recorder(model)
        outcome = job.look().open(lambda name: recorder).execute(ignore)
        return recorder.answers, outcome.cells

    return ask


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_the_answer_does_not_depend_on_the_truth(name, truths, answers):
    make, source = MODELS[name]
    (one, cells), (two, other) = (answers(make(), source, truth) for truth in truths)
    assert len(one) == len(two) == 2
    for here, there in zip(one, two, strict=True):
        assert torch.equal(here.probability.data, there.probability.data)
        assert here.details == there.details
    assert [cell.dice for cell in cells] != [cell.dice for cell in other]


def test_a_perturbed_prompt_moves_what_the_model_sees(cases, run_robustness, tmp_path, monkeypatch):
    """What is shown of the image follows the prompt, where a crop around the truth would not."""
    seen = []
    model = open_prompt_unet(None)
    recorder = Recorder(model, seen)
    monkeypatch.setattr("foundation.studies.job.open_segmenter", lambda name: recorder)
    run_robustness(
        tmp_path / "out", perturbations=[{"name": "shift", "magnitudes": [12]}], labels={"large": 1}
    )
    for clean, moved in (seen[:2], seen[2:]):
        centres = [torch.tensor(each.details["crop_centre"]) for each in (clean, moved)]
        assert float(torch.dist(*centres)) == pytest.approx(12, abs=1.5)
    image = read(cases[0] / "one.nii.gz")
    assert seen[0].mask.grid.lies_on(image.grid)
