"""Tissue classes of a T1, and a T1 whose tissues have other brightnesses."""

from __future__ import annotations

import numpy as np
import torch
from scipy.cluster.vq import kmeans2

import regkit as rk

CLASSES = 3
# Fluid brightest, then white matter, then grey: neither rising nor falling with T1.
_REMAPPED = (0.0, 900.0, 250.0, 550.0, 420.0)


def tissue_means(image: rk.Volume, inside: rk.Labels) -> list[float]:
    """Means of the three tissues, dark to bright: k-means of the intensities ``inside``."""
    values = image.data[inside.data > 0].double().numpy()
    start = np.quantile(values, [0.1, 0.5, 0.9])[:, None]
    centres, _ = kmeans2(values[:, None], start, iter=50, minit="matrix")
    return sorted(float(centre) for centre in centres[:, 0])


def tissues(image: rk.Volume, inside: rk.Labels) -> rk.Labels:
    """1, 2, 3 for the tissue whose mean is nearest, 0 outside."""
    means = torch.tensor(tissue_means(image, inside))
    edges = (means[1:] + means[:-1]) / 2
    classes = 1 + torch.bucketize(image.data.float(), edges)
    return rk.Labels((classes * (inside.data > 0)).to(torch.uint8), image.grid, "tissues")


def remapped(image: rk.Volume, inside: rk.Labels) -> rk.Volume:
    """``image`` as another contrast would show it: a bent, non-monotone scale of intensities."""
    means = tissue_means(image, inside)
    knots = [float(image.data.min()), *means, float(image.data.max())]
    new = np.interp(image.data.numpy(), knots, _REMAPPED).astype(np.float32)
    return rk.Volume(torch.from_numpy(new), image.grid, "remap")
