"""Tables of subjects, visits, images and outcomes, in the layouts in which data sets come."""

from probes.table.layouts import LAYOUTS, read_study_table
from probes.table.rows import ImagePlace, ProbeRow, ProbeTable

__all__ = ["LAYOUTS", "ImagePlace", "ProbeRow", "ProbeTable", "read_study_table"]
