"""Which bands of two scenes are compared, by what was asked for and by what they hold."""

from __future__ import annotations

from regkit.errors import InputError
from regkit.io import ReadOptions
from regkit.io.header import Header
from regkit.runs.channels import chooses_channels
from regkit.runs.products import holds_classes


def check_chosen(fixed: Header, moving: Header, reading: ReadOptions) -> None:
    """Refuse a band that is asked for and that neither scene has.

    Parameters
    ----------
    fixed, moving
        The headers of both.
    reading
        What was asked for.

    Raises
    ------
    InputError
        If there is one.
    """
    for each in _asked(reading):
        if not (_has(fixed, each) or _has(moving, each)):
            raise InputError(
                f"--channels {each}: no band of {fixed.name} ({_bands(fixed)}) or of {moving.name} "
                f"({_bands(moving)}); give bands that one of them has"
            )


def chosen_bands(header: Header, reading: ReadOptions) -> tuple[int, ...]:
    """Return the numbers of the bands of a scene that are meant.

    Of those that are asked for, those that it has; where none are, all that show the ground:
    classes, bits and colours of a table only if it has nothing else.

    Parameters
    ----------
    header
        Of the scene.
    reading
        What was asked for.

    Raises
    ------
    InputError
        If it has none of those that are asked for.
    """
    numbers = tuple(range(header.channels))
    if not chooses_channels(reading):
        return tuple(n for n in numbers if not holds_classes(header, n)) or numbers
    if reading.channel is not None:
        return (header.of(frame=None, channel=reading.channel).channel,)
    asked = _asked(reading)
    if not asked:
        return numbers
    here = tuple(each for each in asked if _has(header, each))
    one = header.of(frame=None, channel=None, channels=here or asked)
    return one.together or (one.channel,)


def _asked(reading: ReadOptions) -> tuple[str | int, ...]:
    """Names and numbers, not a word for all of them."""
    asked = reading.channels
    return () if asked is None or isinstance(asked, str) else tuple(asked)


def _has(header: Header, asked: str | int) -> bool:
    if isinstance(asked, int):
        return asked < header.channels
    return asked.casefold() in {name.casefold() for name in header.channel_names if name}


def _bands(header: Header) -> str:
    return ", ".join(filter(None, header.channel_names)) or f"0 to {header.channels - 1}"
