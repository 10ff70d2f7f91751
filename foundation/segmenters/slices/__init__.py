"""Models of pictures on volumes: slice after slice, from where the prompt is to both sides."""

from foundation.segmenters.slices.slice_carrier import SliceCarrier
from foundation.segmenters.slices.slice_model import SliceFollower, SliceModel, SlicePrompts
from foundation.segmenters.slices.slice_wise import SliceWise

__all__ = ["SliceCarrier", "SliceFollower", "SliceModel", "SlicePrompts", "SliceWise"]
