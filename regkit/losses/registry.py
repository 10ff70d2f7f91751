"""Find similarities by name, regkit's own and those of other packages; nothing heavy is imported.

A name stands for a function that takes the half width of local windows, in voxels, and makes the
:class:`~regkit.losses.similarity.Similarity` of that name. What anybody needs to know of one beyond
its values is a trait of its class.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

from regkit.errors import InputError
from regkit.losses.traits import Traits
from regkit.plugins import plug_ins
from regkit.settings import near

if TYPE_CHECKING:
    from regkit.losses.similarity import Similarity

SIMILARITIES_GROUP = "regkit.similarities"
FEATURES = "features:"  # begins the name of what a backbone sees: features:NAME
BUILT_IN_SIMILARITIES = {
    "mse": "regkit.losses.mse:MSE.of",
    "lncc": "regkit.losses.lncc:LNCC.of",
    "lncc2": "regkit.losses.lncc:LNCC.squared_of",
    "mind": "regkit.losses.mind:MIND.of",
    "mi": "regkit.losses.mutual_information:MutualInformation.of",
}
Factory = Callable[[int], "Similarity"]
"""What an entry point of the group names: the half width of windows, in voxels, to a similarity."""


def names() -> tuple[str, ...]:
    """List all plain names that a user can ask for, regkit's own first.

    Examples
    --------
    >>> names()[:5]
    ('mse', 'lncc', 'lncc2', 'mind', 'mi')
    """
    return tuple(
        {
            **BUILT_IN_SIMILARITIES,
            **dict.fromkeys(plug_ins(SIMILARITIES_GROUP), ""),
        }
    )


def is_registered(name: str) -> bool:
    """Say whether :func:`make` knows ``name``."""
    return name in BUILT_IN_SIMILARITIES or name in names()


def make(name: str, radius: int = 2) -> Similarity:
    """Make the similarity called ``name``; local ones take windows of half width ``radius`` voxels.

    Raises
    ------
    InputError
        If there is none of that name, or the package that promises it does not deliver.

    Examples
    --------
    >>> make("lncc", 4).name
    'lncc'
    """
    entry = _entry(name)
    factory: Factory = _loaded(entry)
    return _checked(entry, factory(radius))


def traits_of(similarity: str) -> Traits:
    """Return the traits of ``NAME``, ``features:NAME`` or a sum of them; no backbone is opened.

    Nothing is known of a name that is not registered, as that of an object of the user's own.

    Examples
    --------
    >>> traits_of("mind").across_contrasts, traits_of("mind+0.5*lncc2").across_contrasts
    (True, False)
    """
    return Traits.of_sum((weight, _traits(name)) for weight, name in parts_of(similarity))


def _traits(name: str) -> Traits:
    if not name.startswith(FEATURES):
        return make(name).traits if is_registered(name) else Traits()
    from regkit.losses.features import TRAITS

    return TRAITS


def parts_of(similarity: str) -> list[tuple[float, str]]:
    """Split ``NAME``, ``features:NAME``, or ``features:NAME+0.5*lncc2`` into weights and names.

    Examples
    --------
    >>> parts_of("features:small-diffusion+0.5*lncc2")
    [(1.0, 'features:small-diffusion'), (0.5, 'lncc2')]
    """
    return [_weighed(word) for word in similarity.split("+")]


def _weighed(word: str) -> tuple[float, str]:
    weight, star, name = word.partition("*")
    return (float(weight), name) if star else (1.0, word)


def _entry(name: str) -> EntryPoint:
    if name in BUILT_IN_SIMILARITIES:
        return EntryPoint(name, BUILT_IN_SIMILARITIES[name], SIMILARITIES_GROUP)
    added = plug_ins(SIMILARITIES_GROUP)
    if name in added:
        return added[name]
    raise InputError(f"similarity {name!r} does not exist{near(name, names())}")


def _loaded(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"similarity {entry.name!r} is to come from {entry.value}, which cannot be loaded "
            f"({error}); install its package again, or take another similarity"
        ) from error


def _checked(entry: EntryPoint, made: Similarity) -> Similarity:
    from regkit.losses.similarity import Similarity

    if isinstance(made, Similarity) and made.name == entry.name:
        return made
    what = f"one named {made.name!r}" if isinstance(made, Similarity) else type(made).__name__
    raise InputError(
        f"similarity {entry.name!r} comes from {entry.value}, which made {what} instead of a "
        "Similarity of that name; mend its package, or take another similarity"
    )
