"""Training of small diffusion models on pictures."""
