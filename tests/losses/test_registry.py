import ast
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import regkit
from regkit.errors import InputError
from regkit.losses import LNCC, MIND, MSE, ChannelSum, Similarity, SimilaritySum, Traits
from regkit.losses.registry import BUILT_IN_SIMILARITIES, is_registered, make, names, traits_of
from regkit.registration.config import make_config
from regkit.runs.register.memory import needed_memory, what_helps

ROOT = Path(regkit.__file__).parent
CODE = """
from regkit.losses import MSE, Traits


class Ratio(MSE):
    name = "ratio"
    traits = Traits(
        across_contrasts=True,
        bytes_per_voxel=1000,
        citation="Ratio: Made U. The tests of regkit. 2026.",
    )


def wrong(radius):
    return MSE() if radius < 3 else 3
"""
ENTRIES = """[regkit.similarities]
ratio = made_up:Ratio.of
broken = made_up:absent
gone = no_such_package:Thing
wrong = made_up:wrong
"""


@pytest.fixture
def third_party(tmp_path, monkeypatch):
    """The folder of a package that brings similarities, on the path."""
    (tmp_path / "made_up.py").write_text(CODE)
    info = tmp_path / "made_up-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("made_up", None)


@pytest.mark.parametrize("name", BUILT_IN_SIMILARITIES)
def test_every_entry_has_its_name_and_all_traits(name, draw):
    found = make(name)
    assert found.name == name
    assert found.traits == traits_of(name)
    assert math.isfinite(found.traits.worst_value)
    assert found.traits.bytes_per_voxel > 0
    assert found.traits.citation or name == "mse"


def test_some_are_for_other_contrasts():
    assert [name for name in BUILT_IN_SIMILARITIES if make(name).traits.across_contrasts] == [
        "mind",
        "mi",
    ]


@pytest.mark.parametrize("name", BUILT_IN_SIMILARITIES)
@pytest.mark.parametrize("opposite", [True, False])
def test_nothing_is_worse_than_the_worst_value(name, opposite, draw):
    image = draw(1, 9, 9, 9)
    other = 1 - image if opposite else draw(1, 9, 9, 9)
    assert float(make(name)(image, other)) <= make(name).traits.worst_value


def test_a_sum_is_as_picky_and_as_large_as_one_of_its_parts():
    found = SimilaritySum(((1.0, MIND()), (0.5, LNCC()), (0.0, MSE()))).traits
    assert found == traits_of("mind+0.5*lncc+0*mse")
    assert (found.across_contrasts, found.worst_value, found.bytes_per_voxel) == (False, 2.0, 400)
    assert found.citation.splitlines() == [MIND().traits.citation, LNCC().traits.citation]
    assert SimilaritySum(((2.0, MIND()),)).traits.across_contrasts
    assert Traits.of_sum([(0.0, MIND().traits)]) == Traits()


def test_channels_have_the_traits_of_what_compares_them():
    assert ChannelSum(MIND(), (0.5, 0.5)).traits == MIND().traits


def test_no_backbone_is_opened_for_its_traits():
    assert "MICCAI 2025" in traits_of("features:nowhere").citation


def test_nothing_is_known_of_a_similarity_that_is_not_registered():
    assert traits_of("of-my-own") == Traits()


def test_a_third_party_is_asked_for_by_its_name(third_party):
    assert names() == (*BUILT_IN_SIMILARITIES, "broken", "gone", "ratio", "wrong")
    assert is_registered("ratio")
    assert isinstance(make("ratio"), Similarity)
    config = make_config(similarity="ratio")
    assert needed_memory(10**6, 10**6, config) > needed_memory(
        10**6, 10**6, make_config(similarity="mind")
    )
    assert "--preset fast" in what_helps(config)


def test_a_third_party_runs_and_is_cited(third_party, head):
    from regkit.report.registration.citation import citations

    image = head.window((0, 0, head.grid.shape[2] // 2), (*head.grid.shape[:2], 1))
    moving = image.with_data(torch.roll(image.data, 1, 1))
    result = regkit.register(image, moving, similarity="ratio", preset="fast", init="header")
    assert result.config.similarity == "ratio"
    assert "ratio" in {stage.similarity for stage in result.stages}
    assert np.isfinite(result.warped.data.numpy()).all()
    assert any("Made U." in line for line in citations(result))


def test_a_third_party_is_in_the_help(third_party):
    code = (
        "import sys, typing; sys.path.insert(0, sys.argv[1]); from regkit.cli import register as r;"
        "hints = typing.get_type_hints(r.register, include_extras=True);"
        "print(hints['similarity'].__metadata__[0].metavar, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, third_party], capture_output=True, text=True, check=True
    )
    wanted = "|".join(
        ["auto", *BUILT_IN_SIMILARITIES, "broken", "gone", "ratio", "wrong", "features:NAME"]
    )
    assert done.stdout.strip() == f"{wanted} False"


@pytest.mark.parametrize(
    ("name", "radius", "message"),
    [
        ("broken", 2, "'broken' is to come from made_up:absent, which cannot be loaded"),
        ("gone", 2, "'gone' is to come from no_such_package:Thing, which cannot be loaded"),
        ("wrong", 2, "'wrong' comes from made_up:wrong, which made one named 'mse' instead"),
        ("wrong", 3, "'wrong' comes from made_up:wrong, which made int instead"),
        ("lncc3", 2, "'lncc3' does not exist; did you mean 'lncc"),
    ],
)
def test_what_is_not_delivered_is_refused(third_party, name, radius, message):
    with pytest.raises(InputError, match=message) as told:
        make(name, radius)
    assert "\n" not in str(told.value)


def _named(node):
    """Whether a constant of the code is the name of a similarity, or a group that has one."""
    return any(
        isinstance(each, ast.Constant) and each.value in BUILT_IN_SIMILARITIES
        for each in ast.walk(node)
    )


def _switches(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(map(_named, (node.left, *node.comparators))):
            yield node.lineno
        if isinstance(node, ast.MatchValue) and _named(node):
            yield node.value.lineno
        if isinstance(node, ast.Dict) and any(key is not None and _named(key) for key in node.keys):
            yield node.lineno


def test_no_code_asks_for_a_name():
    # Distances of feature maps have names of their own, two of which are the same.
    apart = {ROOT / "losses" / "registry.py", ROOT / "losses" / "distances.py"}
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(set(ROOT.rglob("*.py")) - apart)
        for line in _switches(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_the_search_for_names_finds_them():
    code = "a = name == 'mi'\nb = name in ('x', 'mind')\nc = {'mse': 1}\nd = name == 'cosine'"
    assert sorted(_switches(ast.parse(code))) == [1, 2, 3]
