"""How far augmentations of bands move the spectrum of a pixel, and how far the seasons do."""
