"""The report of a denoised image."""
