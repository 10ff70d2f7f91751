"""Which network a run takes, settled and told before any image is read."""

from __future__ import annotations

from regkit.cli.terminal import say
from regkit.networks.models import resolve


def chosen_model(name: str, *, quiet: bool) -> str | None:
    """What ``--model NAME`` stands for here; None for the classical engine.

    Raises
    ------
    InputError
        If the weights or the file are not here.
    """
    found, reason = resolve(name)
    say(f"model   {found or 'none'} ({reason})", quiet=quiet)
    return found
