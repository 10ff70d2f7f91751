"""One network in a process of its own: `python -m benchmarks.network_process NAME FOLDER SIZE`.

FOLDER holds the weights and a pair; the fields that are found, in voxels, and the seconds of the
first and of a second run are left there. Nothing that a run does not need is imported.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import THREADS

WEIGHTS = "weights.trch"
PAIR = "pair.pt"

Run = Callable[[], Any]


def upstream(folder: Path, size: int, way: str) -> Run:
    """The network of unigradicon: its ``regis_net`` for ``one``, its forward for ``shipped``."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(THREADS)
    net = importlib.import_module("unigradicon").make_network(
        [1, 1, size, size, size], include_last_step=True
    )
    net.regis_net.load_state_dict(torch.load(folder / WEIGHTS, weights_only=True))
    net.eval()
    moving, fixed = torch.load(folder / PAIR, weights_only=True)

    def one() -> Any:
        with torch.no_grad():
            net.identity_map.isIdentity = True
            phi = net.regis_net(moving, fixed)(net.identity_map)
            return [(phi - net.identity_map)[0] * (size - 1)]

    def shipped() -> Any:
        with torch.no_grad():
            net(moving, fixed)
            both = (net.phi_AB_vectorfield, net.phi_BA_vectorfield)
            return [(phi - net.identity_map)[0] * (size - 1) for phi in both]

    return {"one": one, "shipped": shipped}[way]


def regkit(folder: Path, size: int, way: str, precision: str) -> Run:
    """The network of regkit from the same file, in ``one`` direction or ``both``."""
    rk = importlib.import_module("regkit")
    inference = importlib.import_module("regkit.networks.inference")
    torch = importlib.import_module("torch")
    importlib.import_module("regkit.kernels.backend").set_threads(THREADS)
    network = inference.faster(rk.models.load(str(folder / WEIGHTS)).network, precision=precision)
    moving, fixed = torch.load(folder / PAIR, weights_only=True)
    ways = ((moving, fixed), (fixed, moving))[: 1 if way == "one" else 2]
    return lambda: [inference.displacement(network, *images) for images in ways]


ENGINES: dict[str, Callable[..., Run]] = {"upstream": upstream, "regkit": regkit}


def main(words: Sequence[str]) -> None:
    """Run the network that the first word names, twice."""
    name, place, size, *options = words
    folder = Path(place)
    run = ENGINES[name](folder, int(size), *options)
    seconds = []
    for _ in range(2):
        begin = time.perf_counter(), time.process_time()
        fields = run()
        wall, cpu = time.perf_counter() - begin[0], time.process_time() - begin[1]
        seconds.append({"wall": wall, "cpu": cpu})
    label = "-".join([name, *options])
    importlib.import_module("torch").save(fields, folder / f"{label}.pt")
    (folder / f"{label}.json").write_text(json.dumps(seconds))


if __name__ == "__main__":
    main(sys.argv[1:])
