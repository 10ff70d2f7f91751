"""DiffDenoise: self-supervised denoising of volumes."""
