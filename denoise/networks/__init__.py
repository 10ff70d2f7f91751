"""Networks: a residual U-Net, and one that never sees the voxel that it predicts."""
