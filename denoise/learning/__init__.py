"""Learning to denoise from noisy images alone."""
