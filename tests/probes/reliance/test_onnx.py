"""A model of ONNX, made by the package onnx."""

from __future__ import annotations

import onnx
import pytest
import torch

from probes.images.model_settings import ModelSettings
from probes.images.models import open_model
from regkit import InputError


def _made(path):
    """The mean of every band."""
    wanted, given = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("answers", ["batch", 3, 1, 1]), ("images", ["batch", 3, "h", "w"]))
    )
    flat = onnx.helper.make_tensor_value_info("flat", onnx.TensorProto.FLOAT, ["batch", 3])
    nodes = [
        onnx.helper.make_node("GlobalAveragePool", ["images"], ["answers"]),
        onnx.helper.make_node("Flatten", ["answers"], ["flat"]),
    ]
    graph = onnx.helper.make_graph(nodes, "means", [given], [flat], value_info=[wanted])
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9), str(path))


def test_a_model_of_onnx_answers(tmp_path):
    _made(tmp_path / "m.onnx")
    predict = open_model(ModelSettings(name="m", source=f"onnx={tmp_path / 'm.onnx'}"), 3, 3)
    images = torch.rand(4, 3, 6, 5)
    torch.testing.assert_close(predict(images), images.mean((2, 3)))


def test_what_is_no_onnx_is_named(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"text")
    with pytest.raises(InputError, match=r"m.onnx: is no ONNX model that this ONNX Runtime reads"):
        open_model(ModelSettings(name="m", source=f"onnx={tmp_path / 'm.onnx'}"), 3, 3)
