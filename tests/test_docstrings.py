"""What a docstring of a public function must say, read off its signature and its body."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("regkit", "denoise", "foundation", "probes")
# Docstrings of commands are their help; twins of a kernel are described by the kernel.
SPARED = re.compile(r"regkit/cli/|/command\.py|regkit/kernels/[cg]pu/")
ARRAYS = {"Tensor", "NDArray", "Matrix", "Vector"}
TRANSFORMS = {"Transform", "Affine", "DisplacementField", "VelocityField"}
SHAPE = re.compile(r"\([^()]*(?:[,*]|\bN\b)[^()]*\)|\bshape\b|\bscalar\b")
DIRECTION = re.compile(
    r"(?:fixed|moving)(?: image)? to (?:fixed|moving)|to (?:world )?points of|of fixed to|"
    r"(?:either|any) direction|whatever (?:way|direction)|->",
    re.IGNORECASE,
)


def _functions():
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if SPARED.search(name):
                continue
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                    yield f"{name}:{node.name}", node


FUNCTIONS = dict(_functions())


def _arguments(node):
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def _types(annotation):
    words = () if annotation is None else ast.walk(annotation)
    return {word.id for word in words if isinstance(word, ast.Name)}


def _raises(node):
    return any(isinstance(each, ast.Raise) and each.exc is not None for each in ast.walk(node))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_docstring_says_what_a_caller_must_know(name):
    node = FUNCTIONS[name]
    text = ast.get_docstring(node) or ""
    arguments = _arguments(node)
    if len(arguments) >= 3:
        assert "Parameters\n---" in text, "three arguments or more, and no Parameters"
        missing = [each.arg for each in arguments if not re.search(rf"\b{each.arg}\b", text)]
        assert not missing, "arguments of which nothing is said"
    if any(_types(each.annotation) & ARRAYS for each in arguments):
        assert SHAPE.search(text), "an array whose shape is not said"
    if any(_types(each.annotation) & TRANSFORMS for each in arguments):
        assert DIRECTION.search(text), "a transform whose direction is not said"
    if _raises(node):
        assert "Raises\n---" in text, "raises, and has no Raises"
