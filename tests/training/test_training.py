"""Runs: they go on to the bit, learn from two real volumes, and refuse what is wrong."""

import json
import subprocess
import sys

import pytest
import torch
import yaml

from regkit import InputError
from regkit.cli import main
from regkit.networks import models
from regkit.networks.gradicon import cascade
from regkit.networks.unet import Widths
from regkit.networks.weights.checkpoint import TrainingDomain, read_checkpoint, training_facts
from regkit.training import pairs, pseudo_labels
from regkit.training.loop import LOG, STATE, WEIGHTS, train
from regkit.training.pairs import Example, Sample
from regkit.training.patches import map_patches
from regkit.training.tasks import open_task

SMALL = {"down": [2, 4, 8, 8], "up": [4, 8, 8], "shape": 16, "report_every": 1}


@pytest.fixture
def words(tmp_path):
    """What a YAML file of a tiny run says."""
    return {
        "task": "registration",
        "output": str(tmp_path / "run"),
        "stages": [
            {"networks": 2, "steps": 3, "learning_rate": 1e-3},
            {"networks": 3, "steps": 2, "learning_rate": 1e-3, "decay": True},
        ],
        "sources": [{"name": "shapes", "synthesis": "shapes"}],
        "augment": {"scales": [0.3], "reach": [0.03]},
        **SMALL,
    }


def _quiet(_):
    """Tell nobody."""


@pytest.mark.parametrize("stop", [1, 3, 4])
@pytest.mark.parametrize("average", [0, 0.9])
def test_a_run_goes_on_to_the_bit(words, tmp_path, stop, average):
    words |= {"average": average, "weight_decay": 0.1}
    whole = train(open_task(words, "x"), _quiet)
    cut = {**words, "output": str(tmp_path / "cut")}
    train(open_task(cut, "x"), _quiet, until=stop)
    train(open_task(cut, "x"), _quiet)
    ours, theirs = (
        torch.load(folder / STATE, weights_only=True) for folder in (whole, tmp_path / "cut")
    )
    for part in ("network", "average", "generators"):
        _same(ours[part], theirs[part])
    kept = (read_checkpoint(folder / WEIGHTS) for folder in (whole, tmp_path / "cut"))
    _same(*kept)
    _same(ours["optimiser"]["state"], theirs["optimiser"]["state"])


def test_what_is_kept_is_the_running_mean(words):
    words["stages"] = words["stages"][:1]
    words["average"] = 0.5
    seen, task = [], open_task(words, "x")
    loss = task.loss

    def watched(network, device, generator):
        seen.append({name: value.detach().clone() for name, value in network.named_parameters()})
        return loss(network, device, generator)

    task.loss = watched
    folder = train(task, _quiet)
    seen.append(torch.load(folder / STATE, weights_only=True)["network"])
    kept = read_checkpoint(folder / WEIGHTS)
    for name in seen[0]:
        mean = seen[1][name].lerp(seen[2][name], 0.5).lerp(seen[3][name], 0.5)
        assert torch.allclose(kept[name], mean, atol=1e-7)
    assert any(not torch.equal(kept[name], seen[3][name]) for name in seen[0])


def _same(one, two):
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, two)
    elif isinstance(one, dict):
        assert one.keys() == two.keys()
        _same(list(one.values()), list(two.values()))
    elif isinstance(one, list):
        for a, b in zip(one, two, strict=True):
            _same(a, b)
    else:
        assert one == two


def test_only_ct_conserves_mass(words, tmp_path):
    (tmp_path / "pairs.csv").write_text("image,modality,subject\na.nii,mr,a\n")
    table = str(tmp_path / "pairs.csv")
    words["sources"] = [{"name": "lungs", "table": table, "intensity": "mr", "conserve": "mass"}]
    with pytest.raises(InputError, match="conserve: mass is for intensity: ct, not mr"):
        open_task(words, "x")


def test_what_was_trained_is_a_model_that_knows_its_grid(words):
    words |= {"stages": words["stages"][:1], "contrast": "one"}
    folder = train(open_task(words, "x"), _quiet)
    assert training_facts(folder / WEIGHTS) == TrainingDomain(8, "one")
    assert models.load(str(folder / WEIGHTS)).name == WEIGHTS
    assert read_checkpoint(folder / WEIGHTS)


def test_fine_tuning_begins_with_other_weights(words, tmp_path):
    words["stages"] = words["stages"][:1]
    first = train(open_task(words, "x"), _quiet) / WEIGHTS
    again = {**words, "start": str(first), "output": str(tmp_path / "again")}
    network = open_task(again, "x").begin(0, None)
    before = read_checkpoint(first)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.fixture
def chests(data, tmp_path):
    """A table of two real volumes."""
    folder = data / "chest_mr"
    path = tmp_path / "chest.json"
    rows = [
        {"image": str(folder / f"{n}_mr.nii.gz"), "labels": str(folder / f"{n}_lobes.nii.gz")}
        for n in ("0004", "0006")
    ]
    path.write_text(json.dumps(rows))
    return path


def test_twenty_steps_on_two_real_volumes_lower_the_loss(words, chests):
    words |= {
        "shape": 24,
        "stages": [{"networks": 3, "steps": 20, "learning_rate": 3e-3}],
        "sources": [{"name": "chest", "table": str(chests)}],
        "augment": {"turn": 0, "affine": 0},
        "loss": {"radius": 2, "dice": 0.5},
        "batch_norm": "frozen",
    }
    told = []
    train(open_task(words, "x"), told.append)
    losses = [each.values["loss"] for each in told]
    assert sum(losses[-4:]) < 0.97 * sum(losses[:4])


def test_the_classical_engine_teaches_between_subjects(words, chests):
    words |= {
        "shape": 24,
        "stages": [{"networks": 2, "steps": 1, "learning_rate": 1e-3}],
        "sources": [
            {"name": "chest", "table": str(chests), "pseudo_labels": True, "intensity": "mr"}
        ],
        "augment": {"turn": 1, "affine": 0},
        "loss": {"coarse": 0.3},
        "window": 5,
        "first": "flow",
        "down": [2, 12, 16],
        "up": [8, 8],
        "batch_norm": "frozen",
    }
    told = []
    folder = train(open_task(words, "x"), told.append)
    parts = told[0].values
    # A new network moves nothing, so that what is left is the truth: the shape of other lungs.
    assert 1 < parts["truth"] < 20
    assert parts["coarse"] == pytest.approx(parts["truth"])
    state = read_checkpoint(folder / WEIGHTS)
    assert int(state["window"]) == 3  # of half as many voxels
    assert models.load(str(folder / WEIGHTS)).trained.shape == 12


def test_a_subject_is_bent_some_of_the_way_to_another(words, chests, monkeypatch):
    shift = torch.tensor([0.1, -0.2, 0.05]).reshape(1, 3, 1, 1, 1)
    monkeypatch.setattr(pseudo_labels, "_found", lambda *_: (shift.expand(1, 3, 16, 16, 16),) * 2)
    source = {"name": "chest", "table": str(chests), "intensity": "mr", "morph_fraction": 1.0}
    words |= {
        "shape": 16,
        "sources": [source],
        "augment": {"turn": 0, "affine": 0, "scales": [0.5], "reach": [0.0]},
    }
    task = open_task(words, "x")
    task.begin(0, None)
    example = task._train.draw(torch.Generator().manual_seed(0))
    shares = [side.u / shift for side in (example.moving, example.fixed)]
    assert all(float(share.std()) < 1e-4 for share in shares)
    assert all(0 < float(share.mean()) < 1 for share in shares)
    assert not torch.allclose(*shares)
    assert float((example.moving.u - shift * shares[0].mean()).abs().max()) < 1e-6


def test_half_precision_is_of_the_network_alone(words, chests, spread):
    """What is drawn, and where the images are warped to, is the same to a thousandth."""
    words |= {
        "shape": 32,
        "stages": [{"networks": 3, "steps": 1, "learning_rate": 1e-3, "patch": 16}],
        "sources": [
            {"name": "chest", "table": str(chests), "pseudo_labels": True, "intensity": "mr"}
        ],
        "loss": {"coarse": 0.3},
    }
    found = []
    for precision in ("fp32", "bf16"):
        task = open_task({**words, "precision": precision}, "x")
        torch.manual_seed(0)
        network, device = spread(task.begin(0, None)), torch.device("cpu")
        generator = torch.Generator().manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            values = task.loss(network, device, generator)
        found.append({name: float(value.detach()) for name, value in values.items()})
    assert found[0]["truth"] == pytest.approx(found[1]["truth"], rel=0.01)
    assert found[0]["similarity"] == pytest.approx(found[1]["similarity"], rel=0.01)


def test_held_out_subjects_validate_and_never_train(words, chests):
    words |= {
        "stages": [{"networks": 3, "steps": 1}],
        "sources": [
            {"name": "chest", "table": str(chests), "held_out": ["0006_mr"], "intensity": "mr"}
        ],
        "validation_pairs": 2,
    }
    task, told = open_task(words, "x"), []
    train(task, told.append)
    assert [each.kind for each in told] == ["train", "validation"]
    assert "similarity" in told[1].values  # one that is alone is paired with those that train
    drawn = [
        {s.name for pool in drawer.pools for s in pool.subjects}
        for drawer in (task._train, task._held_out)
    ]
    assert drawn == [{"0004_mr"}, {"0006_mr"}]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"task": "registraton"}, "did you mean 'registration'"),
        ({"sources": [{"name": "a", "synthesis": "shapes", "wieght": 2}]}, "did you mean 'weight'"),
        ({"sources": [{"name": "a"}]}, "has no table"),
        ({"sources": []}, "at least 1 item"),
        ({"stages": [{"steps": 1, "networks": 3}, {"steps": 1, "networks": 2}]}, "shrink"),
        ({"stages": [{"steps": 1, "networks": 5}]}, r"networks 5 are more than halvings \(2, 1, 0"),
        ({"halvings": [0, 1]}, "halvings .* make no network"),
        ({"down": [2, 4]}, "make no network"),
        ({"window": 4}, "window 4 has no middle"),
        (
            {
                "start": "small",
                "halvings": [2, 2, 1, 1, 0],
                "stages": [{"steps": 1, "networks": 5}],
            },
            r"down: \(2, 4, 8, 8\) is of a new network, and start: small has its own",
        ),
        (
            {"sources": [{"name": "a", "synthesis": "shapes", "mirrored": True}]},
            "source 'a': mirrored says nothing where synthesis: shapes",
        ),
        ({"augment": {"scales": [0.3]}}, "scales and reach must have the same length"),
        ({"stages": [{"steps": 1, "networks": 2, "patch": 9}]}, "patch 9 is larger than the 8"),
        ({"start": "none.trch"}, r"start: none\.trch does not exist"),
        ({"start": "multigradicom"}, "did you mean|not installed"),
        ({"start": "small", "stages": [{"steps": 1, "networks": 4}]}, "small has 5 networks"),
        (
            {
                "start": "small",
                "halvings": [1, 1, 1, 1, 0],
                "stages": [{"steps": 1, "networks": 5}],
            },
            r"do not look where halvings \(1, 1, 1, 1, 0\) tell",
        ),
    ],
)
def test_what_is_wrong_is_said_before_the_first_step(words, change, said):
    with pytest.raises(InputError, match=said):
        open_task({**words, **change}, "small.yaml")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 3}, "was begun with seed 0, now it is 3"),
        ({"loss": {"lmbda": 2}}, r"was begun with loss\.lmbda 1\.5, now it is 2"),
        (
            {"stages": [{"networks": 2, "steps": 3}, {"networks": 3, "steps": 9}]},
            r"was begun with stages\.0\.learning_rate 0\.001, now it is 5e-05",
        ),
        ({"down": [2, 6, 8, 8]}, "was begun with down"),
    ],
)
def test_a_run_does_not_go_on_as_another(words, change, said):
    train(open_task(words, "x"), _quiet, until=1)
    with pytest.raises(InputError, match=said):
        train(open_task({**words, **change}, "x"), _quiet)
    train(open_task({**words, "checkpoint_every": 7}, "x"), _quiet, until=1)


def test_the_first_stage_alone_writes_weights_that_load(words):
    words["stages"] = [{"networks": 1, "steps": 1}]
    folder = train(open_task(words, "x"), _quiet)
    assert models.load(str(folder / WEIGHTS)).trained.shape == 4
    again = {**words, "start": str(folder / WEIGHTS), "output": str(folder / "again")}
    assert open_task(again, "x").begin(0, None) is not None


def test_pairs_are_drawn_by_the_weights_of_their_sources(words, monkeypatch):
    words["sources"] = [
        {"name": name, "synthesis": "shapes", "weight": weight}
        for name, weight in (("often", 3.0), ("seldom", 1.0))
    ]
    task, drawn = open_task(words, "x"), []
    task.begin(0, None)
    monkeypatch.setattr(pairs, "_drawn", lambda source: drawn.append(source.name) or True)
    monkeypatch.setattr(pairs.PairSampler, "_shapes", lambda *_: None)
    monkeypatch.setattr(pairs.PairSampler, "_of_labels", lambda *_: None)
    generator = torch.Generator().manual_seed(0)
    for _ in range(2000):
        task._train.draw(generator)
    assert drawn.count("often") == pytest.approx(1500, abs=60)


def test_a_state_of_something_else_is_refused(words):
    task = open_task(words, "x")
    task.config.output.mkdir()
    (task.config.output / STATE).write_bytes(b"no")
    with pytest.raises(InputError, match="no checkpoint"):
        train(task, _quiet)


def test_the_last_step_learns_on_patches_while_the_others_rest(words, tmp_path):
    words |= {"shape": 32, "window": 5}
    words["stages"] = [
        {"networks": 2, "steps": 1, "learning_rate": 1e-3},
        {"networks": 3, "steps": 2, "learning_rate": 1e-3, "patch": 16},
    ]
    first = train(open_task(words, "x"), _quiet, until=1) / WEIGHTS
    before = {name: value.clone() for name, value in read_checkpoint(first).items()}
    after = read_checkpoint(train(open_task(words, "x"), _quiet) / WEIGHTS)
    last = "net.netPsi.net."
    assert int(before["window"]) == 3  # of half as many voxels
    assert int(after["window"]) == 5
    rested = {k: v for k, v in after.items() if not k.startswith(last)}
    grown = {k.replace("net.", "net.netPhi.net.", 1): v for k, v in before.items() if k != "window"}
    assert all(torch.equal(rested[k], v) for k, v in grown.items() if "batchNorms" not in k)
    assert float(after[f"{last}lastConv.weight"].abs().max()) > 0


def test_a_patch_shows_what_the_whole_network_finds_there(spread):
    """Where the last step sees its box and nothing else, the rest is where it was."""
    generator = torch.Generator().manual_seed(0)
    network = spread(cascade((1, 0), 3, Widths((2, 4, 8), (4, 8))))
    images = torch.rand(2, 1, 1, 24, 24, 24, generator=generator)
    u = 0.02 * torch.randn(2, 1, 3, 24, 24, 24, generator=generator)
    sides = [Sample(x, x, torch.ones_like(x), v, None) for x, v in zip(images, u, strict=True)]
    example = Example(sides[0], sides[1], same=True)
    phi, found = map_patches(network, [example], 16, 3, generator)
    assert len(found) == 3
    assert phi.displacement((16, 16, 16)).shape == (6, 3, 16, 16, 16)
    # Of a step that finds nothing, all that is seen is the coarse one, in the unit of the box.
    torch.nn.init.zeros_(network.netPsi.net.lastConv.weight)
    torch.nn.init.zeros_(network.netPsi.net.lastConv.bias)
    phi, found = map_patches(network, [example], 24, 1, generator)
    whole = network(*images)
    assert torch.allclose(phi.displacement((24,) * 3)[:1], whole.displacement((24,) * 3), atol=1e-6)
    assert torch.equal(found[0].moving.u, u[0])
    with pytest.raises(InputError, match="patch 32 is larger than the grid of 24"):
        map_patches(network, [example], 32, 1, generator)
    with pytest.raises(InputError, match="one step"):
        map_patches(network.netPsi, [example], 16, 1, generator)


def test_an_output_that_is_a_file_is_refused(words, tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(InputError, match="run: is a file, not a folder; choose another output"):
        train(open_task(words, "x"), _quiet)


def test_maps_of_labels_are_painted(words, chests):
    """Both images of a pair are of one map, and no contrast is that of the scanner."""
    words["sources"] = [{"name": "lobes", "table": str(chests), "synthesis": "labels"}]
    words["augment"] = {"turn": 0, "affine": 0}
    words["loss"] = {"dice": 1.0, "similarity": "mind"}
    task, told = open_task(words, "x"), []
    train(task, told.append)
    assert {"truth", "dice"} < told[0].values.keys()
    drawn = task._train.draw(torch.Generator().manual_seed(0))
    assert drawn.same
    moving, fixed = drawn.moving, drawn.fixed
    assert torch.equal(moving.labels, fixed.labels)  # nothing bent them
    inside = moving.labels > 0
    assert set(moving.labels.unique().tolist()) > {0, 1}
    assert not torch.allclose(moving.seen[inside], fixed.seen[inside], atol=0.05)


def test_labels_that_are_to_be_compared_or_painted_must_be_there(words, chests):
    rows = json.loads(chests.read_text())
    chests.write_text(json.dumps([{"image": row["image"]} for row in rows]))
    words |= {"sources": [{"name": "lobes", "table": str(chests)}], "loss": {"dice": 1}}
    with pytest.raises(InputError, match="loss: dice needs labels, and no table names any"):
        open_task(words, "x")
    words["sources"] = [{"name": "lobes", "table": str(chests), "synthesis": "labels"}]
    with pytest.raises(InputError, match="synthesis from labels needs labels everywhere"):
        open_task(words, "x")


def test_tensorboard_gets_what_is_told(words):
    pytest.importorskip("tensorboard", reason="pip install 'regkit[train]'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    told = []
    words["stages"] = words["stages"][:1]
    folder = train(open_task({**words, "tensorboard": True}, "x"), told.append)
    board = EventAccumulator(str(folder))
    board.Reload()
    shown = board.Scalars("train0/loss")
    assert [each.step for each in shown] == [1, 2, 3]
    assert [each.value for each in shown] == pytest.approx([t.values["loss"] for t in told])


def test_two_processes_train_one_network(words, tmp_path):
    words |= {"device": "cpu", "threads": 1, "report_every": 1, "weight_decay": 0.1, "shape": 32}
    words["stages"] = [{"networks": 2, "steps": 3}, {"networks": 3, "steps": 2, "patch": 16}]
    path = tmp_path / "two.yaml"
    path.write_text(yaml.safe_dump(words))
    code = "import sys; from regkit.cli import main; sys.exit(main())"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    run = [*torchrun, "--no-python", sys.executable, "-c", code, "train", "--config", str(path)]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    folder = tmp_path / "run"
    lines = [json.loads(line) for line in (folder / LOG).read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 1, 2]  # one speaks for both
    state = torch.load(folder / STATE, weights_only=True)
    assert not torch.equal(*state["generators"])  # each draws pairs of its own
    learned = state["optimiser"]["state"].keys()
    assert len(learned) < len(state["optimiser"]["param_groups"][0]["params"])  # the others rest
    alone = train(open_task({**words, "output": str(tmp_path / "alone")}, "x"), _quiet)
    ours, theirs = (read_checkpoint(each / WEIGHTS) for each in (folder, alone))
    assert any(not torch.equal(ours[name], theirs[name]) for name in ours)
    with pytest.raises(InputError, match="was written by 2 processes, this run has 1"):
        train(open_task(words, "x"), _quiet)


def test_a_loss_that_is_no_number_stops_before_the_weights_take_harm(words, monkeypatch):
    task = open_task(words, "x")
    train(task, _quiet, until=1)
    before = read_checkpoint(task.config.output / WEIGHTS)
    loss = task.loss
    monkeypatch.setattr(
        task, "loss", lambda *some: {k: v * float("nan") for k, v in loss(*some).items()}
    )
    with pytest.raises(InputError, match=r"the loss is nan, .* lower learning_rate and begin in"):
        train(task, _quiet)
    after = read_checkpoint(task.config.output / WEIGHTS)
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_what_is_held_out_of_painted_maps_validates_by_its_images(words, chests):
    words |= {
        "stages": [{"networks": 2, "steps": 1}],
        "sources": [
            {"name": "a", "table": str(chests), "synthesis": "labels", "held_out": ["0006_mr"]}
        ],
        "validation_pairs": 1,
    }
    told = []
    train(open_task(words, "x"), told.append)
    assert "truth" in told[0].values
    assert "similarity" in told[1].values
    assert "truth" not in told[1].values


def test_what_would_stop_a_run_is_said_by_a_dry_one(words, tmp_path, capsys):
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump({**words, "device": "cuda:7"}))
    assert main(["train", "--config", str(path), "--dry-run"]) == 2
    assert "device 'cuda:7' is not available" in capsys.readouterr().err
