"""Settings: what a user may choose, as frozen models that refuse what they do not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from regkit.errors import InputError

_A_LIST = "; write a list, such as [a, b]"
_REMEDIES = {"string_type": "; write it in quotes", "tuple_type": _A_LIST, "list_type": _A_LIST}
"""What to do about values that YAML takes for another type, such as the name 0006."""


class Settings(BaseModel):
    """A model without unknown names, whose values do not change.

    ``old_names`` are those of the last version, each with the name of today; they are taken too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    old_names: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _takes_old_names(cls, given: Any) -> Any:
        return _renamed(given, cls.old_names) if isinstance(given, Mapping) else given


def _renamed(given: Mapping[str, Any], old_names: Mapping[str, str]) -> dict[str, Any]:
    for old, new in old_names.items():
        if old in given and new in given:
            raise ValueError(f"{old} is the old name of {new}, and both are given; leave {old} out")
    return {old_names.get(name, name): value for name, value in given.items()}


AnySettings = TypeVar("AnySettings", bound=Settings)


def current_names(model: type[Settings], given: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Give settings their names of today, so that layers of settings can be merged.

    Parameters
    ----------
    model
        Whose settings they are.
    given
        Names and values, nested as the model is.
    what
        What messages begin with.

    Raises
    ------
    InputError
        If a setting is given by its old name and by its new one.

    Examples
    --------
    >>> class Stage(Settings):
    ...     old_names = {"count": "steps"}
    ...     steps: int
    >>> current_names(Stage, {"count": 3}, "x.yaml:")
    {'steps': 3}
    """
    try:
        renamed = _renamed(given, model.old_names)
    except ValueError as error:
        raise InputError(f"{what}: {error}") from error
    return {name: _inside(model, name, value, what) for name, value in renamed.items()}


def _inside(model: type[Settings], name: str, value: Any, what: str) -> Any:
    inner = model.model_fields[name].annotation if name in model.model_fields else None
    if isinstance(inner, type) and issubclass(inner, Settings) and isinstance(value, Mapping):
        return current_names(inner, value, what)
    return value


def validate(model: type[AnySettings], given: Mapping[str, Any], what: str) -> AnySettings:
    """``given`` as a ``model``.

    Parameters
    ----------
    model
        What is allowed.
    given
        Names and values, nested as the model is.
    what
        What messages begin with, such as ``mine.yaml:``.

    Raises
    ------
    InputError
        By the first name or value that is wrong, with the name that is nearest to it.

    Examples
    --------
    >>> class Stage(Settings):
    ...     steps: int
    >>> validate(Stage, {"steps": 3}, "x.yaml:").steps
    3
    >>> validate(Stage, {"step": 3, "steps": 3}, "x.yaml:")
    Traceback (most recent call last):
    regkit.errors.InputError: x.yaml: step: Extra inputs are not permitted (got 3); did you mean \
'steps'?
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        # A name that is unknown says more than the right one, which is then missing.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        where = ".".join(map(str, first["loc"]))
        unknown = first["type"] == "extra_forbidden"
        names = _names(model, first["loc"][:-1]) if unknown else ()
        remedy = _REMEDIES.get(first["type"], "")
        hint = near(str(first["loc"][-1]), names) if unknown else remedy
        own = first["type"] == "value_error"  # of a validator here, in whole words
        said = str(first["ctx"]["error"]) if own else first["msg"]
        got = "" if isinstance(first["input"], Mapping) else f" (got {first['input']!r:.80})"
        place = f"{what} {where}".rstrip(" :")
        raise InputError(f"{place}: {said}{got}{hint}") from error


def refuse_repeats(what: str, names: Iterable[object]) -> None:
    """Refuse a name that is given twice.

    Raises
    ------
    ValueError
        Naming it.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{what} name {twice[0]!r} twice; give each once")


def near(word: str, known: Iterable[str]) -> str:
    """``; did you mean ...?`` for what is near ``word``, or all that is allowed.

    Examples
    --------
    >>> near("modalty", ["image", "modality"])
    "; did you mean 'modality'?"
    >>> near("x", ["image", "modality"])
    '; allowed: image, modality'
    """
    names = sorted(known)
    found = get_close_matches(word, names, n=1)
    return f"; did you mean {found[0]!r}?" if found else f"; allowed: {', '.join(names)}"


def _names(model: type[BaseModel], where: Iterable[str | int]) -> Iterable[str]:
    """The fields of the model that lies ``where`` in ``model``; numbers count in sequences."""
    for part in where:
        if isinstance(part, str):
            model = _model_of(model.model_fields[part].annotation)
    return model.model_fields


def _model_of(annotation: Any) -> type[BaseModel]:
    """The model in ``Stage``, ``Stage | None`` or ``tuple[Stage, ...]``."""
    while get_args(annotation):
        annotation = get_args(annotation)[0]
    model: type[BaseModel] = annotation
    return model
