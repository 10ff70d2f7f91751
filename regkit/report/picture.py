"""Picture: a drawing in SVG, and the words that stand for it where it cannot be seen."""

from __future__ import annotations

from dataclasses import dataclass

# What an address or an attribute of HTML would not take for itself.
_ESCAPED = {character: f"%{ord(character):02X}" for character in "%#<>\"'&"}


@dataclass(frozen=True)
class Picture:
    """An SVG and the words that stand for it where it cannot be seen.

    Examples
    --------
    >>> Picture("<svg/>", "nothing").uri
    'data:image/svg+xml;charset=utf-8,%3Csvg/%3E'
    """

    svg: str
    alt: str

    @property
    def uri(self) -> str:
        """The picture itself as a ``data:`` address."""
        address = self.svg
        for character, code in _ESCAPED.items():
            address = address.replace(character, code)
        return f"data:image/svg+xml;charset=utf-8,{address}"
