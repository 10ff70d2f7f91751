"""Engines that find a transform, and the pipeline that chains them."""
