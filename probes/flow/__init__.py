"""Flows of smooth velocities: where they carry points, and what volume they make on the way."""

from probes.flow.flow import Flow, Reals
from probes.flow.points import fill_region
from probes.flow.spline import SplineImage
from probes.flow.view import SplineView

__all__ = ["Flow", "Reals", "SplineImage", "SplineView", "fill_region"]
