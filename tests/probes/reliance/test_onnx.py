"""A model of ONNX, made by the package onnx."""

from __future__ import annotations

import onnx
import pytest
import torch

from probes.images.model_settings import ModelSettings
from probes.images.models import open_model
from regkit import InputError


def _made(path, shape=("batch", 3, "h", "w"), kind=onnx.TensorProto.FLOAT, inputs=("images",)):
    """The mean of every band."""
    given = [onnx.helper.make_tensor_value_info(name, kind, shape) for name in inputs]
    flat = onnx.helper.make_tensor_value_info("flat", onnx.TensorProto.FLOAT, [shape[0], 3])
    nodes = [
        onnx.helper.make_node("Sum" if len(inputs) > 1 else "Identity", inputs, ["one"]),
        onnx.helper.make_node("Cast", ["one"], ["values"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("GlobalAveragePool", ["values"], ["means"]),
        onnx.helper.make_node("Flatten", ["means"], ["flat"]),
    ]
    graph = onnx.helper.make_graph(nodes, "means", given, [flat])
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9), str(path))
    return open_model(ModelSettings(name="m", source=f"onnx={path}"), 3, 3)


_KINDS = onnx.TensorProto


@pytest.mark.parametrize("batch", ["batch", None, 1, 4, 16])
def test_a_model_of_onnx_answers_whatever_its_number_of_images(tmp_path, batch):
    predict = _made(tmp_path / "m.onnx", (batch, 3, "h", "w"))
    images = torch.rand(6, 3, 6, 5)
    torch.testing.assert_close(predict(images), images.mean((2, 3)))


@pytest.mark.parametrize(
    ("kind", "apart"), [(_KINDS.FLOAT16, 0.01), (_KINDS.DOUBLE, 1e-4), (_KINDS.UINT8, 0.3)]
)
def test_a_model_of_onnx_is_shown_the_type_that_it_takes(tmp_path, kind, apart):
    images = 255 * torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    found = _made(tmp_path / "m.onnx", kind=kind)(images)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, images.mean((2, 3)), atol=apart, rtol=0)


def test_whole_numbers_are_not_turned_over_beyond_their_limits(tmp_path):
    found = _made(tmp_path / "m.onnx", kind=_KINDS.UINT8)(torch.tensor([-20.0, 300, 1.6]).reshape(
        1, 3, 1, 1
    ))  # fmt: skip
    assert found.tolist() == [[0, 255, 2]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shape": (1, 4, "h", "w")}, "m.onnx: takes images of 4xanyxany .* not of 3;"),
        ({"shape": (1, 32, 32, 3)}, "m.onnx: takes images of 32x32x3"),
        ({"shape": (1, 3, 64, 64)}, "m.onnx: takes images of 3x64x64 .* not of 3x16x12;"),
        ({"inputs": ("images", "more")}, r"takes 2 inputs \(images, more\)"),
        ({"shape": (3,)}, "which is no image"),
    ],
)
def test_what_a_model_of_onnx_does_not_take_is_named(tmp_path, given, message):
    with pytest.raises(InputError, match=message):
        _made(tmp_path / "m.onnx", **given)(torch.rand(2, 3, 16, 12))


def test_what_is_no_onnx_is_named(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"text")
    with pytest.raises(InputError, match=r"m.onnx: is no ONNX model that this ONNX Runtime reads"):
        open_model(ModelSettings(name="m", source=f"onnx={tmp_path / 'm.onnx'}"), 3, 3)
