"""What a page of the documentation asks a reader to write and to run."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"(<!-- needs[^>]*-->\n)?```(\w+)\n(.*?)```", re.DOTALL)
_FILE = re.compile(r"`(\w+\.py)`:\n\n```python\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Fence:
    """One block of code: its language, its text, and whether a test can run it."""

    language: str
    text: str
    runs: bool


def fences(page: Path) -> list[Fence]:
    """All blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [Fence(word, body, not needs) for needs, word, body in _FENCE.findall(text)]


def files(page: Path) -> dict[str, str]:
    """The modules that a page shows under their names."""
    return dict(_FILE.findall(page.read_text(encoding="utf-8")))


def commands(text: str) -> list[list[str]]:
    """The words after ``regkit`` of every line that calls it."""
    lines = (shlex.split(line, comments=True) for line in text.splitlines())
    return [words[1:] for words in lines if words[:1] == ["regkit"]]
