"""Prepare images before they are compared: intensities, masks, the working grid."""
