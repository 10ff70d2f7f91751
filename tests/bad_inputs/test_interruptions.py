"""Row 60: whatever stops a run, no half of a result has a final name."""

import os
import shutil
import signal
import time

import numpy as np
import pytest

from regkit.cli import main
from regkit.io import publish
from tests.bad_inputs.processes import results, short, start

KILLS = 20
# Runs that are forked from a program that has everything loaded.
FORKING = """
import os, sys, time
import regkit.runs.register.job, regkit.cli.register, regkit.report.registration.page, h5py
import regkit.io.formats.nifti
from regkit.cli import main
words = sys.argv[1:]
told = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
def begin():
    child = os.fork()
    if not child:
        os._exit(main(words))
    return child, time.monotonic()
child, started = begin()  # nothing is computed here: OpenMP cannot be forked once it has begun
assert os.waitpid(child, 0)[1] == 0
took = time.monotonic() - started
for line in sys.stdin:
    folder, share = line.split()
    words[words.index("-o") + 1] = folder
    child, _ = begin()
    time.sleep(float(share) * took)
    os.kill(child, 9)
    os.waitpid(child, 0)
    print(folder, file=told, flush=True)
"""


def final(folder):
    """Everything under a final name; what is staged begins with a dot."""
    return {path.name: path for path in folder.iterdir() if not path.name.startswith(".")}


@pytest.fixture
def whole(place):
    """The results of an undisturbed run."""
    assert main([*map(str, short(place, "--quiet"))]) == 0
    out = place.out.rename(place.out.with_name("whole"))
    place.out.mkdir()
    (place.out / "mine.txt").write_text("mine")
    return results(out)


def test_kill_9_at_twenty_moments(place, whole):
    shares = np.random.default_rng(0).uniform(size=KILLS).tolist()
    words = short(place, "--quiet", "--overwrite")
    words[words.index(place.out)] = place.out.parent / "first"
    child = start(words, code=FORKING, stdin=-1)
    for number, share in enumerate(shares):
        out = place.out.parent / f"killed{number}"
        child.stdin.write(f"{out} {share}\n")
        child.stdin.flush()
        assert child.stdout.readline().strip() == str(out)
        for name, path in final(out).items() if out.exists() else ():
            if name in whole:
                assert path.read_bytes() == whole[name]
        if out.exists() and "run.json" in final(out):
            assert results(out) == whole
    child.stdin.close()
    child.wait()
    staged = [p for p in place.out.parent.glob("killed*") if not final(p)]
    last = staged[0]
    again = [*words, "--resume"]
    again[again.index(place.out.parent / "first")] = last
    assert main([*map(str, again)]) == 0
    assert results(last) == whole
    assert not [path for path in last.iterdir() if path.name.startswith(".")]
    child.stdout.close()
    child.stderr.close()


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_asked_to_stop(place, snapshot, sign, code):
    words = [*place.run, "--quiet", "--threads", "1"]  # long enough to be met in the middle
    before = snapshot(place.out)
    with start(words) as child:
        while not any(p.name.startswith(".regkit-") for p in place.out.iterdir()):
            assert child.poll() is None, child.stderr.read()
            time.sleep(0.02)
        child.send_signal(sign)
        told = child.communicate(timeout=60)
    assert child.returncode == code
    assert len(told[1].splitlines()) == 1
    assert "nothing was written" in told[1]
    assert snapshot(place.out) == before


def test_nobody_listens(place):
    """As in `regkit info a.nii | head -0`."""
    with start(["info", place.fixed]) as child:
        child.stdout.close()
        assert "Traceback" not in child.stderr.read()


def test_stdout_is_closed(place):
    listing, writing = os.pipe()
    os.close(listing)
    with start(short(place), stdout=writing) as child:
        os.close(writing)
        assert "Traceback" not in child.stderr.read()
    assert "run.json" in final(place.out)


def test_without_a_home(place):
    with start(short(place, "--quiet"), env={"HOME": ""}) as child:
        assert child.communicate()[1] == ""
    assert child.returncode == 0


def test_two_runs_into_one_folder(place, capsys):
    with publish(place.out) as mine:
        assert main([*map(str, short(place, "--quiet"))]) == 2
        told = capsys.readouterr().err
        assert f"process {os.getpid()} is writing its run.json here" in told
        (mine / "run.json").write_text("{}")
    assert set(final(place.out)) == {"mine.txt", "run.json"}


def test_resume_goes_on_where_a_batch_stopped(place, whole, capsys, snapshot):
    words = [*map(str, short(place, "--quiet", "--resume"))]
    shutil.copy(place.out.with_name("whole") / "warped.nii.gz", place.out)  # killed while renaming
    assert main(words) == 0
    assert results(place.out) == whole
    before = snapshot(place.out)
    assert main(words) == 0
    assert snapshot(place.out) == before
    assert main([*words, "--seed", "5"]) == 2
    assert "run.json: is of another run" in capsys.readouterr().err
