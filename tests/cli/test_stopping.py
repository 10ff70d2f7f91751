"""Where a request to stop may not be raised, it is raised soon after."""

import importlib
import signal
import sys
import time
from types import FunctionType

import pytest

from regkit.cli.stopping import StopRequest, stoppable
from tests.bad_inputs.processes import start

SLOW = """
import sys
from regkit.cli.stopping import stoppable
sys.path.append(sys.argv[1])
with stoppable():
    import slow
"""


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def sign(request, monkeypatch):
    monkeypatch.setattr(signal, "default_int_handler", signal.getsignal(signal.SIGINT))
    return request.param


def wait_for_request(sign):
    with pytest.raises(StopRequest) as stopped:
        time.sleep(5)
    assert stopped.value.sign == sign


def test_raised_at_once_as_a_rule(sign):
    with stoppable(), pytest.raises(StopRequest, match="nothing was written"):
        signal.raise_signal(sign)


def take(lock, sign):
    """What Python 3.11.7 does with the lock of its imports, hit between two statements.

    As in the callback `_get_module_lock.<locals>.cb` of `importlib._bootstrap`.
    """
    lock.append("taken")
    signal.raise_signal(sign)
    try:
        lock.append("used")
    finally:
        lock.append("given back")


def test_the_lock_of_imports_is_given_back(sign):
    of_python = FunctionType(take.__code__, {"__name__": "importlib._bootstrap", "signal": signal})
    lock = []
    with stoppable():
        of_python(lock, sign)
        wait_for_request(sign)
    assert lock == ["taken", "used", "given back"]


def test_an_import_is_finished(sign, tmp_path, monkeypatch):
    """PyTorch 2.13.0 ends the process if an exception is raised while it sets up `distributed`."""
    (tmp_path / "asks.py").write_text(f"import signal; signal.raise_signal({sign:d}); done = True")
    monkeypatch.syspath_prepend(tmp_path)
    with stoppable():
        import asks

        wait_for_request(sign)
    assert asks.done
    del sys.modules["asks"]


def test_an_import_without_end_is_ended(sign, tmp_path):
    (tmp_path / "slow.py").write_text("import time; print('here', flush=True); time.sleep(600)")
    with start([tmp_path], code=SLOW) as child:
        assert child.stdout.readline() == "here\n"
        child.send_signal(sign)
        told = child.communicate()[1]
    assert child.returncode == 128 + sign
    word = "interrupted" if sign == signal.SIGINT else "terminated"
    assert told.startswith(f"regkit: {word}; ended at once: ")
    assert len(told.splitlines()) == 1


def test_a_run_inside_an_import_is_stopped(sign, tmp_path, monkeypatch):
    """As of a script that is imported."""
    (tmp_path / "runs.py").write_text(
        "import signal; from regkit.cli.stopping import stoppable\n"
        f"with stoppable():\n    signal.raise_signal({sign:d})"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StopRequest):
        importlib.import_module("runs")


def test_a_lock_taken_by_with_is_given_back(sign):
    class Lock:
        taken = False

        def __enter__(self):
            self.taken = True
            signal.raise_signal(sign)
            return self

        def __exit__(self, *_):
            self.taken = False

    lock = Lock()
    with stoppable():
        with lock:
            wait_for_request(sign)
        assert not lock.taken


def test_swallowed_by_a_finalizer(sign, capsys):
    class Last:
        def __del__(self):
            ask()

    def ask():
        signal.raise_signal(sign)

    with stoppable():
        Last()
        wait_for_request(sign)
    assert "ignored" not in capsys.readouterr().err


def test_other_failures_of_finalizers_are_told(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    class Last:
        def __del__(self):
            raise KeyError

    with stoppable():
        Last()
    assert [failed.exc_type for failed in told] == [KeyError]
    assert sys.unraisablehook == told.append


def test_not_asked_again_once_it_is_over(sign):
    class Last:
        def __del__(self):
            signal.raise_signal(sign)

    heard = []
    before = signal.signal(sign, lambda *_: heard.append(True))
    try:
        with stoppable():  # SIGINT is left to whoever listens already
            Last()
        time.sleep(0.05)
    finally:
        signal.signal(sign, before)
    assert heard == ([True] if sign == signal.SIGINT else [])
