#!/usr/bin/env bash
# What a GPU is worth, in less than eight minutes on one H200: the kernels against their PyTorch
# references, registrations and the network beside FireANTs, and some training of `small`.
#
#   benchmarks/on_gpu.sh OUT            # cuda; pip install 'regkit[gpu,demo]' pytest [fireants]
#   benchmarks/on_gpu.sh OUT cpu tiny   # the same on a CPU at a tiny size, to try the script
#
# OUT gets kernels.txt, table.md, train.txt and the trained weights. Each part has its own limit, so
# that one that fails or hangs leaves the others; the exit code is 1 where one did.
set -u
out=${1:?usage: benchmarks/on_gpu.sh OUT [DEVICE] [tiny]}
device=${2:-cuda}
tiny=${3:-}
python=${PYTHON:-python}
cd "$(dirname "$0")/.." || exit 2
mkdir -p "$out" || exit 2
failed=0

part() { # NAME SECONDS FILE COMMAND...
    local name=$1 limit=$2 file=$3
    shift 3
    echo "== $name (at most $limit s)"
    if timeout "$limit" "$@" >"$file" 2>&1; then tail -n 30 "$file"; else
        echo "$name failed or took too long:"; tail -n 15 "$file"; failed=1
    fi
}

if command -v nvidia-smi >/dev/null; then nvidia-smi --query-gpu=name,driver_version --format=csv; fi
part kernels 120 "$out/kernels.txt" "$python" -m pytest -q -p no:cacheprovider tests/kernels/test_triton.py
part timings 200 "$out/table.md" "$python" -m benchmarks.on_gpu --device "$device" \
    ${tiny:+--tiny --runs 1}
steps=2000 shape=128
if [ -n "$tiny" ]; then steps=2 shape=32; fi
cat >"$out/train.yaml" <<YAML
task: registration
output: $out/small
device: $device
precision: bf16
start: small
shape: $shape
window: 15
first: flow
halvings: [2, 2, 1, 1, 0]
down: [2, 16, 32, 48, 64, 64]
up: [16, 32, 32, 32]
batch_norm: frozen
contrast: one
average: 0.99
report_every: 1
stages:
  - {networks: 5, steps: $steps, learning_rate: 2.0e-4, decay: true}
sources:
  - {name: shapes, synthesis: shapes}
loss: {similarity: lncc2, radius: 3, lmbda: 0.2, truth: 0.3, coarse: 0.1}
YAML
part training 140 "$out/train.txt" "$python" -c 'from regkit.cli import script; script()' \
    train --config "$out/train.yaml"
exit "$failed"
