"""Feature reliance: suppress one cue of images, and measure how much of a model's skill is left."""
