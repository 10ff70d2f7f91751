"""Flows of smooth velocities: where they carry points, and what volume they make on the way."""

from probes.flow.flow import Flow, Numbers

__all__ = ["Flow", "Numbers"]
