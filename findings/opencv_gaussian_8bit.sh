#!/usr/bin/env bash
# GaussianBlur of 8-bit images is another filter than GaussianBlur of the same images as floats.
#
# Package    opencv-python-headless 5.0.0.93
# Behaviour  For 8 bits the weights along an axis are whole 256ths; what one loses by rounding, the
#            next one gets. Results are not the rounded results of the filter in floats.
# Seen       Noise of black and white, 224 x 224, kernels of three standard deviations. Largest
#            difference between 8 bits and floats, in grey values, and share beyond 1:
#              sigma 0.33: 2.1, 43.2 %; sigma 1: 1.0, 0.0 %; sigma 2.33: 2.4, 5.9 %
#            At sigma 0.25 nothing is blurred: a line of 255 stays [0, 255, 0].
# Matters    Mild blurs of 8-bit pictures (texture suppression, augmentation, corruption benchmarks)
#            are stronger or weaker than their sigma says, and code that works on floats cannot
#            reproduce them by rounding.
# regkit     The suppressor `gaussian` has the same weights, so that levels are those of OpenCV:
#            tests/probes/reliance/test_suppressors.py, test_opencv_gives_the_same_within_rounding.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    numpy==2.3.5 opencv-python-headless==5.0.0.93
cd "$work"
venv/bin/python - <<'PYTHON'
import cv2
import numpy as np

image = (np.random.default_rng(0).random((224, 224)) > 0.5).astype(np.uint8) * 255
beyond = {}
for size, sigma in ((3, 0.33), (7, 1.0), (15, 2.33)):
    whole = cv2.GaussianBlur(image, (size, size), sigma).astype(float)
    floats = cv2.GaussianBlur(image.astype(np.float32), (size, size), sigma)
    apart = np.abs(whole - floats)
    beyond[sigma] = float((apart > 1).mean())
    print(f"sigma {sigma}: {apart.max():.1f}, {100 * beyond[sigma]:.1f} %")
dot = np.zeros((9, 9), np.uint8)
dot[:, 4] = 255
small = [cv2.GaussianBlur(dot, (3, 3), sigma)[4, 3:6].tolist() for sigma in (0.3, 0.25)]
print("a line of 255 at sigma 0.3 and 0.25:", *small)
if not (beyond[0.33] > 0.01 and small[1] == [0, 255, 0]):
    raise SystemExit("CHANGED: 8-bit and float blurs agree")
PYTHON
