"""Foundation models: feature backbones, promptable segmenters and the studies on them."""
