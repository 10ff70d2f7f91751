#!/usr/bin/env bash
# nibabel loads a DICOM reader and an HTTP client to read a NIfTI header, where they are installed.
#
# Package    nibabel 5.4.2, with and without pydicom 3.0.2 and requests 2.32.5
# Behaviour  `import nibabel`, or any part of it such as `nibabel.nifti1`, imports pydicom for
#            one class of header extensions, and with it requests, for sample files that pydicom
#            could download. Neither is asked for; both are skipped where they are missing.
# Seen       (seconds, and how many modules of each are loaded)
#              nibabel alone: 0.11 s, pydicom 0, requests 0
#              with pydicom: 0.15 s, pydicom 58, requests 0
#              with pydicom and requests: 0.19 s, pydicom 58, requests 67
# Matters    A pipeline calls hundreds of small programs that read a header each: in an
#            environment that can read DICOM as well, each starts 0.06 to 0.08 s later, though no
#            DICOM file is in sight.
# regkit     Loads nibabel with the first file, neither with the package nor for the help:
#            tests/test_import.py, test_nothing_heavy_is_loaded_before_it_is_needed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
install() {
    "$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}
cat > "$work/look.py" <<'PYTHON'
import sys
import time

begin = time.perf_counter()
from nibabel.nifti1 import Nifti1Header

Nifti1Header()
seconds = time.perf_counter() - begin
loaded = [name.split(".")[0] for name in sys.modules]
counts = {name: loaded.count(name) for name in ("pydicom", "requests")}
told = ", ".join(f"{name} {count}" for name, count in counts.items())
print(f"{sys.argv[1]}: {seconds:.2f} s, {told}")
wanted = {"nibabel alone": (False, False), "with pydicom": (True, False)}
if tuple(map(bool, counts.values())) != wanted.get(sys.argv[1], (True, True)):
    raise SystemExit("CHANGED: nibabel loads something else")
PYTHON
look() {
    "$work/venv/bin/python" "$work/look.py" "$1" > /dev/null  # compiles, and fills the caches
    "$work/venv/bin/python" "$work/look.py" "$1"
}
cd "$work"
install numpy==2.3.5 nibabel==5.4.2
look "nibabel alone"
install pydicom==3.0.2
look "with pydicom"
install requests==2.32.5
look "with pydicom and requests"
