"""Photo: a small picture of pixels, as JPEG, within a page."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass


@dataclass(frozen=True)
class Photo:
    """A JPEG and the words that stand for it where it cannot be seen.

    Examples
    --------
    >>> Photo(b"pixels", "A brain").uri
    'data:image/jpeg;base64,cGl4ZWxz'
    """

    jpeg: bytes
    alt: str

    @property
    def uri(self) -> str:
        """The picture itself as a ``data:`` address."""
        return f"data:image/jpeg;base64,{b64encode(self.jpeg).decode()}"
