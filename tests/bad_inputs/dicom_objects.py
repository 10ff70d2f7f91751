"""Rows 54 and 55 for segmentations and registrations in DICOM, and 31 for tensors."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pydicom
import torch

from regkit import Affine, DisplacementField, Labels
from regkit.io import read_header
from regkit.io.dicom_objects.derived import Making, write_object
from regkit.io.dicom_objects.registration import registration_object
from regkit.io.dicom_objects.segmentation import segmentation_object
from regkit.io.dicom_objects.source import open_source
from tests.bad_inputs.case import LABELS, TRANSFORM, VOXELS, WORDS, Case
from tests.bad_inputs.dicom import put, scan
from tests.bad_inputs.images import wrong
from tests.io.dicom.writer import write_series

MAKING = Making(datetime(2026, 1, 2, 3, 4, 5), "", "0")


def of_series(build, change):
    """An object that regkit wrote about a series of its own, with something changed."""

    def make(place):
        source = open_source(read_header(write_series(place.inputs / "s", scan())))
        path = place.inputs / "a.dcm"
        write_object(build(source), path)
        data = pydicom.dcmread(path)
        change(data)
        data.save_as(path)
        return path

    return make


def segments(change):
    labels = Labels((scan().data % 3).to(torch.uint8), scan().grid)
    return of_series(lambda s: segmentation_object(labels, s, MAKING, name="q"), change)


def matrix(change):
    return of_series(
        lambda s: registration_object(Affine.identity(), scan().grid, s, s, MAKING), change
    )


def field(change):
    def changed(data):
        for each in data.DeformableRegistrationSequence:
            for grid in each.get("DeformableRegistrationGridSequence", ()):
                change(grid)

    u = DisplacementField(torch.ones(3, *scan().shape), scan().grid)
    return of_series(lambda s: registration_object(u, scan().grid, s, s, MAKING), changed)


def first_frame(data):
    return data.PerFrameFunctionalGroupsSequence[0]


def at(*position):
    def change(data):
        first_frame(data).PlanePositionSequence[0].ImagePositionPatient = list(position)

    return change


def of_one_segment(data):
    for each in data.PerFrameFunctionalGroupsSequence:
        each.SegmentIdentificationSequence[0].ReferencedSegmentNumber = 1


def with_matrix(values):
    def change(data):
        for each in data.RegistrationSequence:
            inner = each.MatrixRegistrationSequence[0].MatrixSequence[0]
            inner.FrameOfReferenceTransformationMatrix = values

    return change


def tensors(*more, shape=(8, 9, 10, 6)):
    make = wrong(data=np.ones(shape, np.float32))
    return lambda p: ["apply", make(p), p.phi, "--onto", p.fixed, "-o", p.out / "x.nii", *more]


NAN = np.full(3 * 720, np.nan, np.float32).tobytes()
CASES = [
    Case(54, "frames of one segment", segments(of_one_segment), ("two frames of one",), LABELS),
    Case(
        54,
        "fractions of nothing",
        segments(put(SegmentationType="FRACTIONAL", MaximumFractionalValue=0)),
        ("MaximumFractionalValue 0",),
        LABELS,
    ),
    Case(54, "uneven segments", segments(at(0, 0, 0.7)), ("SpacingBetweenSlices",), LABELS),
    Case(54, "no segment", segments(lambda d: d.pop("SegmentSequence")), ("no structure",), LABELS),
    Case(
        54,
        "a frame too few",
        segments(lambda d: d.PerFrameFunctionalGroupsSequence.pop()),
        ("says that it has 16 frames, and describes 15",),
        LABELS,
    ),
    Case(55, "far segments", segments(at(0, 0, 1e9)), ("exceeds the bound",), LABELS),
    Case(55, "cut segments", segments(put(PixelData=bytes(20))), ("the file is cut",), LABELS),
    Case(55, "endless segments", segments(put(NumberOfFrames=2**31 - 1)), ("is cut",), LABELS),
    Case(54, "short matrix", matrix(with_matrix([1.0] * 15)), ("16 finite",), TRANSFORM),
    Case(54, "zero matrix", matrix(with_matrix([0.0] * 16)), ("last row",), TRANSFORM),
    Case(
        54,
        "no registration",
        matrix(lambda d: d.pop("RegistrationSequence")),
        ("is no DICOM registration",),
        TRANSFORM,
    ),
    Case(55, "vast field", field(put(GridDimensions=[65535] * 3)), ("the file is cut",), TRANSFORM),
    Case(54, "field of NaN", field(put(VectorGridData=NAN)), ("(NaN)",), TRANSFORM),
    Case(55, "cut field", field(put(VectorGridData=b"1234")), ("holds 4 bytes",), TRANSFORM),
    Case(
        31,
        "tensors",
        wrong(data=np.ones((8, 9, 10, 1, 6), np.float32), intent_code=1005),
        ("symmetric matrices", "--tensors", "--channels all"),
        VOXELS,
    ),
    Case(31, "tensors of nobody", tensors("--tensors", "nifti"), ("--axes",), WORDS),
    Case(
        31,
        "five values",
        tensors("--tensors", "fsl", shape=(8, 9, 10, 5)),
        ("has 5 frames of 1 values a voxel; tensors have 6",),
        WORDS,
    ),
]
