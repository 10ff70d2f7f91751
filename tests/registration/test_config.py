import pytest
from pydantic import ValidationError

from regkit import InputError
from regkit.registration.config import (
    FieldConfig,
    RegisterConfig,
    configs,
    load_preset,
    make_config,
)

PRESETS = ["accurate", "default", "fast"]


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_complete_and_allowed(preset):
    config = make_config(preset)
    assert config == make_config(preset)
    assert len(config.field.factors) == len(config.field.iterations)
    assert config.transform == "deformable"


def test_the_default_preset_is_the_default():
    assert make_config() == make_config("default")


def test_presets_are_shipped():
    assert (configs() / "register" / "default.yaml").is_file()


def test_options_overrule_the_file_and_the_file_the_preset():
    file = {"seed": 4, "similarity": "mi", "field": {"radius": 3}}
    config = make_config("fast", file=file, seed=5)
    assert (config.seed, config.similarity, config.field.radius) == (5, "mi", 3)
    assert config.field.factors == make_config("fast").field.factors


def test_a_config_is_frozen():
    with pytest.raises(ValidationError):
        make_config().seed = 3


def test_a_config_survives_its_own_dump():
    config = make_config("accurate", similarity="mind", threads=2)
    assert RegisterConfig.model_validate(config.model_dump()) == config
    assert make_config(file=config.model_dump(mode="json")) == config


def test_an_unknown_preset_is_refused():
    with pytest.raises(
        InputError, match=r"^preset 'best' does not exist; allowed: accurate, default, fast$"
    ):
        load_preset("best")
    with pytest.raises(InputError, match="preset 'best'"):
        make_config("best")


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"similarty": "mi"}, "similarty"),
        ({"field": {"sigma": 1}}, r"field\.sigma"),
        ({"linear": {"spacing": 1}}, r"linear\.spacing"),
    ],
)
def test_an_unknown_option_is_refused(options, where):
    with pytest.raises(InputError, match=rf"^option {where}: Extra inputs are not permitted"):
        make_config(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"linear": {"polish": []}}, "option linear.polish: .*at least 1 item"),
        ({"linear": {"spacings": [-1.0]}}, "option linear.spacings.0: .*greater than 0"),
        ({"transform": "elastic"}, r"option transform: .*'rigid', 'affine' or 'deformable'.*elas"),
        ({"similarity": "ncc"}, "option similarity: .*'mind'.*got 'ncc'"),
        ({"similarity": "mi+ncc"}, r"option similarity: .*features:NAME.*got 'mi\+ncc'"),
        ({"similarity": "two*mi"}, "option similarity: .*got 'two"),
        ({"similarity": "auto+mi"}, "option similarity: .*got 'auto"),
        ({"similarity": "features:mind", "transform": "rigid"}, "guides a deformable transform"),
        ({"features": {"distance": "cos"}}, r"option features\.distance: .*'cosine'.*got 'cos'"),
        ({"features": {"slices": 0}}, r"option features\.slices: .*greater than 0.*got 0"),
        ({"init": "centre"}, "option init: .*'centers'"),
        ({"modality": "ultrasound"}, "option modality: .*'other'"),
        ({"device": "gpu"}, "option device: .*got 'gpu'"),
        ({"seed": "one"}, "option seed: .*integer.*got 'one'"),
        ({"threads": -1}, "option threads: .*greater than or equal to 0.*got -1"),
        ({"field": {"radius": 0}}, r"option field\.radius: .*greater than or equal to 1"),
        ({"field": {"step": 2.0}}, r"option field\.step: .*less than or equal to 1"),
        ({"field": {"momentum": 1.0}}, r"option field\.momentum: .*less than 1"),
        ({"field": {"factors": (2, 1), "iterations": (5,)}}, "option field: .*same length"),
        ({"linear": {"tolerance": 0}}, r"option linear\.tolerance: .*greater than 0"),
        ({"linear": 3}, "option linear: "),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_value_that_is_not_allowed_is_refused(options, message):
    with pytest.raises(InputError, match=message) as caught:
        make_config(**options)
    assert "\n" not in str(caught.value)


OLD = {
    "field": {"reach": 2.0, "symmetric": 4.0, "effort": 7, "smooth": {"share": 2.0}},
    "seed": 3,
}


@pytest.mark.parametrize("preset", ["default", "accurate"])
def test_names_of_the_last_version_are_taken_over_those_of_a_preset(preset):
    field = make_config(preset, file=OLD).field
    assert (field.max_step, field.symmetric_above, field.min_work) == (2.0, 4.0, 7)
    assert field.smooth.one_anatomy_share == 2.0
    assert make_config(preset, file={"field": {"max_step": 1.0}}, **OLD).field.max_step == 2.0
    assert FieldConfig(**OLD["field"]) == FieldConfig(
        max_step=2.0, symmetric_above=4.0, min_work=7, smooth={"one_anatomy_share": 2.0}
    )
    assert "reach" not in make_config(preset, file=OLD).model_dump_json()


def test_an_old_name_beside_the_new_one_is_refused():
    both = {"field": {"reach": 2.0, "max_step": 3.0}}
    with pytest.raises(InputError, match="reach is the old name of max_step, and both are given"):
        make_config(file=both)
    with pytest.raises(ValueError, match="leave reach out"):
        FieldConfig(**both["field"])
