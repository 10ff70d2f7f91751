"""Which network a run takes, settled before any image is read."""

from __future__ import annotations


def chosen_model(name: str | None) -> tuple[str | None, str]:
    """What ``--model NAME`` stands for, None for the classical engine; and what to say of it.

    Raises
    ------
    InputError
        If the weights or the file are not here.
    """
    if name is None:
        return None, ""
    from regkit.networks.models import resolve

    found, reason = resolve(name)
    return found, f"model   {found or 'none'} ({reason})"
