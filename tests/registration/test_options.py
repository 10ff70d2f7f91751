"""The options that an editor completes are those that a registration takes."""

import inspect
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

import regkit as rk
from regkit import InputError, RegisterConfig
from regkit.registration.options import RegisterOptions
from regkit.registration.pipeline import register

_HINTS = get_type_hints(RegisterOptions, localns={"Model": object})


def _words(hint):
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    return set().union(*map(_words, get_args(hint)))


def test_they_are_the_fields_of_the_configuration_and_what_stands_beside_it():
    beside = {"preset", "config", "model", "progress"}
    assert set(_HINTS) == {*RegisterConfig.model_fields, *beside}
    assert set(inspect.signature(register).parameters) == set(
        inspect.signature(rk.register).parameters
    )


@pytest.mark.parametrize("name", ["transform", "init", "modality", "moving_modality", "refine"])
def test_they_allow_the_same_words(name):
    assert _words(_HINTS[name]) == _words(RegisterConfig.model_fields[name].annotation)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("similarty", "did you mean 'similarity'"),
        ("fixed_maks", "did you mean 'fixed_mask'"),
        ("zzz", "allowed: channel_weights, config"),
    ],
)
def test_an_unknown_one_is_refused_before_any_image_is_read(wrong, hint):
    with pytest.raises(InputError, match=f"register has no option '{wrong}'; {hint}"):
        rk.register("missing.nii.gz", "missing.nii.gz", **{wrong: 1})
