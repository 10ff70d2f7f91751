"""Flows of smooth velocities: where they carry points, and what volume they make on the way."""

from probes.flow.flow import Flow, Numbers
from probes.flow.points import fill_region
from probes.flow.spline import SplineImage

__all__ = ["Flow", "Numbers", "SplineImage", "fill_region"]
