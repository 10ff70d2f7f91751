"""Files, in and out. The only place that knows formats, and ITK's LPS world.

NIfTI goes through nibabel alone: SimpleITK reads a cut file without an error, and writes one
without an error when the disk is full.
"""

from regkit.io.atomic import disk_errors
from regkit.io.files import labels_of, open_frames, open_image, open_labels
from regkit.io.options import ReadOptions
from regkit.io.output_checks import check_holds, check_output
from regkit.io.point_formats.table import read_points
from regkit.io.preflight import contents_of, preflight, read_header
from regkit.io.publish import publish, publish_files, refuse_overwriting_inputs, write_atomically
from regkit.io.reading import read, read_labels, read_labels_lazily, read_lazily
from regkit.io.transforms import read_transform, write_transform
from regkit.io.writing import save, save_series
from regkit.io.writing_parts import save_bands, save_frames

__all__ = [
    "ReadOptions",
    "check_holds",
    "check_output",
    "contents_of",
    "disk_errors",
    "labels_of",
    "open_frames",
    "open_image",
    "open_labels",
    "preflight",
    "publish",
    "publish_files",
    "read",
    "read_header",
    "read_labels",
    "read_labels_lazily",
    "read_lazily",
    "read_points",
    "read_transform",
    "refuse_overwriting_inputs",
    "save",
    "save_bands",
    "save_frames",
    "save_series",
    "write_atomically",
    "write_transform",
]
