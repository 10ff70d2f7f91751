"""What the command `regkit` does around :func:`regkit.cli.main`: it ends the process at once."""

import signal
import subprocess
import sys

import pytest

from tests.bad_inputs.processes import start

_SCRIPT = "from regkit.cli import script; script()"


def run(program, *words):
    return subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        (["--version"], 0, "regkit 0.1.0\n", ""),
        (["info", "missing.nii.gz"], 2, "", "missing.nii.gz: not found"),
    ],
)
def test_it_says_what_it_has_to_say_and_how_it_ended(words, code, out, err):
    done = run(_SCRIPT, *words)
    assert (done.returncode, done.stdout) == (code, out)
    assert err in done.stderr


def test_what_others_want_done_at_the_end_is_done():
    done = run(f"import atexit; atexit.register(print, 'bye'); {_SCRIPT}", "--version")
    assert (done.returncode, done.stdout) == (0, "regkit 0.1.0\nbye\n")


def test_a_thread_of_others_is_waited_for():
    late = (
        "import threading; main = threading.main_thread(); "
        "threading.Thread(target=lambda: (main.join(), print('late'))).start(); "
    )
    done = run(late + _SCRIPT, "--version")
    assert (done.returncode, done.stdout) == (0, "regkit 0.1.0\nlate\n")


def test_interrupted_before_it_has_begun():
    early = (
        "import signal, sys; sys.addaudithook(lambda event, what: "
        "event == 'import' and what[0] == 'regkit.cli.app' and signal.raise_signal(2)); "
    )
    with start(["--version"], code=early + _SCRIPT) as child:
        assert child.communicate() == ("", "")
    assert child.returncode == -signal.SIGINT
