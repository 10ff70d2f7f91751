"""The job `register`: a pair of images in, one aligned pair out."""
