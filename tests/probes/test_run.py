"""`regkit probe run` as a user types it, on small pictures whose truth is known."""

import json

import numpy as np
import pyarrow.parquet as parquet
import pytest

from regkit.cli import main
from regkit.io import save
from regkit.volume import Labels

COUNT = 36


@pytest.fixture
def pictures(tmp_path):
    """Noise with a bright spot in those of class 1; two pictures of each subject."""
    drawn = np.random.default_rng(0)
    data = drawn.normal(size=(COUNT, 12, 12))
    classes = (np.arange(COUNT) // 2) % 2
    data[classes == 1, 6:10, 2:6] += 2
    np.savez(tmp_path / "pictures.npz", x=data.astype(np.float32))
    lines = ["image,subject,sick,dose,age,side,labels"]
    for n, sick in enumerate(classes):
        lines.append(f"pictures.npz#x#{n},p{n // 2},{sick},{sick + 0.1},{50 + n % 5},train,")
    table = tmp_path / "table.csv"
    table.write_text("\n".join(lines) + "\n")
    return table


SPOT = {"source": "intensity", "pooling": ["mean", "grid:4"]}


def run(path, folder, *words):
    return main(["probe", "run", "-c", str(path), "-o", str(folder), "-q", *words])


def test_a_study_from_a_table_to_a_report(pictures, study, tmp_path, capsys):
    features = [
        SPOT,
        {"source": "covariates"},
        {"source": "module=tests.probes.networks:small_net", "random": True, "name": "net"},
    ]
    path = study(
        table=str(pictures), outcome={"column": "sick", "positive": 1}, covariates=["age"],
        features=features,
    )  # fmt: skip
    out = tmp_path / "out"
    assert run(path, out, "--cache", str(tmp_path / "cache")) == 0
    rows = parquet.read_table(out / "results.parquet").to_pylist()
    found = {
        (r["features"], r["layer"]): r for r in rows
        if r["metric"] == "auc" and r["kind"] != "difference"
    }  # fmt: skip
    assert found["intensity", "chosen inside the fold"]["value"] > 0.85
    assert {r["kind"] for r in rows} == {"baseline", "difference"}
    assert any("random weights" in r["features"] for r in rows)
    page = (out / "report.html").read_text()
    assert "baseline: net (random weights)" in page
    assert "of 3 probes are more than 0.1 from chance on average" in page
    assert "What the probe looks at: baseline: intensity" in page
    assert "too small to say anything" in page or "above chance" in page
    record = json.loads((out / "run.json").read_text())
    assert record["status"] == "done"
    assert any("its weights are random" in each for each in record["notices"])
    said = parquet.read_table(out / "predictions.parquet").to_pylist()
    assert {r["subject"] for r in said} == {f"p{n}" for n in range(COUNT // 2)}
    # The same again is the same to the last byte, from the cache and by rerun.
    capsys.readouterr()
    assert run(path, out, "--resume") == 0
    words = ["rerun", str(out / "run.json"), "--data", str(tmp_path), "-o", str(tmp_path / "more")]
    assert main([*words, "-q"]) == 0
    assert (tmp_path / "more/results.parquet").read_bytes() == (
        out / "results.parquet"
    ).read_bytes()


def test_numbers_are_told_as_well(pictures, study, tmp_path, capsys):
    path = study(table=str(pictures), outcome={"column": "dose"}, features=[SPOT], permutations=0)
    assert run(path, tmp_path / "out", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["probes"][0]["metric"] == "r2"
    assert record["probes"][0]["value"] > 0.2


def test_a_table_may_replace_that_of_the_file(pictures, study, tmp_path, capsys):
    path = study(table="none.csv", outcome={"column": "dose"}, features=[SPOT], permutations=0)
    words = ["--table", str(pictures), "--dry-run"]
    assert run(path, tmp_path / "out", *words) == 0
    assert run(path, tmp_path / "out") == 2
    assert "none.csv: is not there; it counts from the folder" in capsys.readouterr().err


def test_a_small_table_says_first_that_it_says_nothing(pictures, study, tmp_path):
    path = study(
        table=str(pictures), outcome={"column": "sick", "positive": 1}, widest=0.01,
        features=[{"source": "covariates"}], covariates=["age"], permutations=0,
    )  # fmt: skip
    assert run(path, tmp_path / "out") == 0
    page = (tmp_path / "out/report.html").read_text()
    before, _, _ = page.partition("What was found")
    assert "This table is too small to say anything" in before
    assert "With outcomes shuffled" not in before  # none were: no check that cannot fail


def test_an_oracle_does_not_make_a_table_large_enough(pictures, study, tmp_path):
    features = [
        {"source": "covariates"},
        {"source": "module=tests.probes.networks:small_net", "name": "net", "pooling": ["std"]},
    ]
    path = study(
        table=str(pictures), outcome={"column": "sick", "positive": 1}, covariates=["dose"],
        features=features, permutations=0, widest=0.3,
    )  # fmt: skip
    assert run(path, tmp_path / "out") == 0
    rows = parquet.read_table(tmp_path / "out/results.parquet").to_pylist()
    auc = {r["features"]: r for r in rows if r["metric"] == "auc" and r["kind"] != "difference"}
    widths = {name: r["high"] - r["low"] for name, r in auc.items()}
    assert widths["covariates"] < 0.3 < widths["net"]
    before, _, after = (tmp_path / "out/report.html").read_text().partition("What was found")
    assert "too small to say anything: of every model the interval of AUC" in before
    (compared,) = (r for r in rows if r["kind"] == "difference")
    assert compared["low"] < compared["equivalence_low"] < compared["equivalence_high"]
    assert compared["equivalence_high"] < compared["high"]
    assert compared["margin"] == 0.05
    assert "equivalence, within ±0.05" in after


def test_a_dry_run_writes_nothing(pictures, study, tmp_path, capsys):
    path = study(table=str(pictures), outcome={"column": "sick", "positive": 1}, features=[SPOT])
    assert run(path, tmp_path / "out", "--dry-run", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["outputs"][0] == "results.parquet"
    assert not (tmp_path / "out").exists()


BAD = {
    "one class": ({"outcome": {"column": "age", "positive": [50, 51, 52, 53, 54]}},
                  "no row has class 0; a probe needs both"),
    "fewer subjects than folds": ({"folds": 20}, "18 subjects are fewer than the 20 that 20 folds"),
    "no such value": ({"outcome": {"column": "sick", "positive": "yes"}},
                      "no sick is 'yes'; its values are 0, 1"),
    "no such column": ({"outcome": {"column": "ill"}}, "has no column 'ill'"),
    "words for numbers": ({"outcome": {"column": "side"}}, "'train', which is no number"),
    "no outcome": ({"outcome": {"column": "sick", "time": "age"}},
                   "give a column, or both time and event"),
    "a pair": ({"features": [{"source": "gradicon=small"}]}, "use `regkit probe progression`"),
    "no structures": ({"features": [{"source": "volumes"}]}, "need `structures`: label values"),
    "no labels": ({"structures": [1], "features": [{"source": "volumes"}]}, "has no label map"),
    "a name twice": ({"features": [SPOT, {**SPOT, "pooling": ["std"]}]},
                     "features name 'intensity' twice"),
    "one side": ({"split": "side"}, "no row of the split is 'test'"),
    "no split": ({"split": "sick"}, "sick is '0'; allowed: train, test"),
    "folds inside": ({"inner_folds": 13}, "fewer than the 20 that 3 folds, and 13 inside each,"),
    "pooling": ({"features": [{"source": "intensity", "pooling": ["sum"]}]}, "pooling 'sum'"),
    "setting": ({"fold": 3}, "did you mean 'folds'?"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named_before_the_first_feature(
    name, pictures, study, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("probes.study.job._row_vectors", None)  # whoever calls it fails
    settings, message = BAD[name]
    given = {"table": str(pictures), "outcome": {"column": "sick", "positive": 1}}
    path = study(**{**given, "features": [SPOT], **settings})
    assert run(path, tmp_path / "out") == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_is_not_known_is_neither_healthy_nor_a_word(pictures, study, tmp_path, capsys):
    """`n/a` once counted as class 0, and made a column of every age."""
    lines = pictures.read_text().splitlines()
    sick = next(n for n, line in enumerate(lines) if ",1,1.1," in line)
    lines[sick] = lines[sick].replace(",1,1.1,", ",n/a,1.1,")
    lines[1:] = [line.replace(",0,0.1,", ",0.0,0.1,") for line in lines[1:]]
    pictures.write_text("\n".join(lines) + "\n")
    given = {"table": str(pictures), "outcome": {"column": "sick", "positive": 1}}
    path = study(**given, features=[SPOT])
    assert main(["probe", "run", "-c", str(path), "-o", str(tmp_path / "out"), "--dry-run"]) == 0
    assert f"1 of {COUNT} rows have no outcome and are left out" in capsys.readouterr().err
    pictures.write_text("\n".join(lines).replace(",54,train", ",50+,train") + "\n")
    path = study(**given, features=[{"source": "covariates"}], covariates=["age"])
    assert run(path, tmp_path / "out") == 2
    assert "table.csv: line 6: age is '50+', and a number in 28 rows; write numbers or words" in (
        capsys.readouterr().err
    )


def test_labels_on_another_grid_are_named(visits, study, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("probes.study.job._row_vectors", None)
    save(Labels(np.ones((1, 9, 9), np.uint8), np.eye(3)), tmp_path / "odd.nii.gz")
    lines = (visits / "people.csv").read_text().splitlines()
    cells = [line.split(",") for line in lines[1:]]
    rows = [[c[0], f"{visits / c[2]}", f"{visits / c[3]}", c[4]] for c in cells]
    rows[5][2] = str(tmp_path / "odd.nii.gz")
    table = tmp_path / "table.csv"
    table.write_text("subject,image,labels,grows\n" + "\n".join(map(",".join, rows)) + "\n")
    path = study(
        table=str(table), outcome={"column": "grows", "positive": 1}, structures=[1],
        features=[{"source": "intensity", "pooling": ["roi"]}],
    )  # fmt: skip
    assert run(path, tmp_path / "out") == 2
    assert "table.csv: line 7: odd.nii.gz lies on 9x9" in capsys.readouterr().err


def test_where_a_class_is_bright_the_map_is_red(pictures, study, tmp_path, monkeypatch):
    """The weights of a grid raise the score where those of class 1 have their spot."""
    found = []
    monkeypatch.setattr(
        "probes.study.job_outcome.projection_section", lambda p: found.extend(p) or []
    )
    path = study(
        table=str(pictures), outcome={"column": "sick", "positive": 1}, permutations=0,
        features=[{"source": "intensity", "pooling": ["grid:6"]}], map_subjects=COUNT,
    )  # fmt: skip
    assert run(path, tmp_path / "out") == 0
    shares = found[-1].shares.data[0]
    column, row = divmod(int(shares.argmax()), 12)
    assert 6 <= row < 10
    assert 2 <= column < 6


def test_a_chart_of_many_layers_is_folded(pictures, study, tmp_path):
    path = study(
        table=str(pictures), outcome={"column": "sick", "positive": 1}, permutations=0,
        features=[{"source": "intensity", "pooling": [f"grid:{n}" for n in range(1, 12)]}],
        maps=False,
    )  # fmt: skip
    assert run(path, tmp_path / "out") == 0
    assert "12 rows" not in (tmp_path / "out/report.html").read_text()
    text = path.read_text().replace(
        "grid:11", "grid:11\n  - std\n  - max\n  - mean\n  - grid:12\n  - grid:13"
    )
    path.write_text(text)
    assert run(path, tmp_path / "many") == 0
    assert "baseline: intensity: 17 rows" in (tmp_path / "many/report.html").read_text()


def test_images_of_several_shapes_have_no_map(pictures, study, tmp_path, capsys):
    np.savez(pictures.with_name("other.npz"), x=np.random.default_rng(1).normal(size=(1, 10, 12)))
    text = pictures.read_text().replace("pictures.npz#x#35,", "other.npz#x#0,")
    pictures.write_text(text)
    given = {"table": str(pictures), "outcome": {"column": "sick", "positive": 1}}
    path = study(**given, features=[SPOT], permutations=0)
    assert run(path, tmp_path / "out", "--json") == 0
    said = capsys.readouterr()
    assert "several shapes, so that no maps are drawn; set `shape`" in said.out + said.err
    assert "What the probes look at" not in (tmp_path / "out/report.html").read_text()


def test_a_subject_on_both_sides_of_a_split_is_named(pictures, study, tmp_path, capsys):
    lines = pictures.read_text().splitlines()
    lines[2:8] = [line.replace("train", "test") for line in lines[2:8]]
    pictures.write_text("\n".join(lines) + "\n")
    path = study(
        table=str(pictures), outcome={"column": "sick", "positive": 1}, features=[SPOT],
        split="side",
    )  # fmt: skip
    assert run(path, tmp_path / "out") == 2
    assert "subject 'p0' is in train and in test" in capsys.readouterr().err


def test_adrenal_glands_of_medmnist(data, study, tmp_path):
    """Real labels; the archive does not say whose the glands are."""
    archive = np.load(data / "adrenalmnist3d_64.npz")
    few = {}
    for part, count in (("train", 150), ("val", 2), ("test", 80)):
        for kind in ("images", "labels"):
            few[f"{part}_{kind}"] = archive[f"{part}_{kind}"][:count]
    np.savez(tmp_path / "few.npz", **few)
    path = study(
        table=str(tmp_path / "few.npz"), layout="medmnist", split="split", permutations=0,
        outcome={"column": "label", "positive": 1}, shape=[16, 16, 16], components=20,
        features=[{"source": "intensity", "pooling": ["mean", "grid:4"]}],
    )  # fmt: skip
    assert run(path, tmp_path / "out") == 0
    rows = parquet.read_table(tmp_path / "out/results.parquet").to_pylist()
    area = next(r for r in rows if r["metric"] == "auc" and "chosen" in r["layer"])
    assert area["subjects"] == 80
    assert area["value"] > 0.55
