"""DiffDenoise: a diffusion model of noisy images, given what a blind spot makes of them."""
