"""Training: tables of images, pairs drawn from them, synthesis, and the loop for every task."""
