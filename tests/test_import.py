import operator
import os
import subprocess
import sys

import pytest

HEAVY = (
    *("torch", "dask", "distributed", "pyarrow", "SimpleITK", "nibabel", "h5py"),
    *("matplotlib", "scipy", "numpy"),
)


@pytest.mark.parametrize(
    "code",
    [
        "import regkit",
        "import regkit; dir(regkit); regkit.InputError",
        "from regkit.cli import main; main(['--help'])",
        "from regkit.cli import main; main(['register', '--help'])",
        "from regkit.cli import main; main(['weights', '--help'])",
        "from regkit.cli import main; main(['cohort', '--help'])",
        "from regkit.cli import main; main(['--version'])",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(code):
    ask = f"{code}\nimport sys\nprint('loaded', *sorted(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded"


def test_every_public_name_is_there():
    import regkit

    for name in regkit.__all__:
        assert getattr(regkit, name).__name__ == name
    assert set(regkit.__all__) <= set(dir(regkit))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        operator.attrgetter("nothing")(regkit)


@pytest.mark.parametrize(
    "name", ["datasets", "losses", "metrics", "models", "resample", "statistics"]
)
def test_every_public_module_is_there(name):
    import regkit

    assert getattr(regkit, name).__name__.split(".")[-1] == name
    assert name in dir(regkit)


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_idle_threads_sleep_soon_unless_the_user_says_otherwise(given, expected):
    ask = "import os, regkit; print(os.environ.get('GOMP_SPINCOUNT'))"
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    clean = {k: v for k, v in os.environ.items() if k not in names} | given
    done = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, check=True, env=clean
    )
    assert done.stdout.strip() == expected
