"""Feature backbones: what ``features:NAME`` compares images by."""
