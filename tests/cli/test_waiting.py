import os
import sys

import pytest

from regkit.cli.waiting import with_passive_waiting


@pytest.fixture
def policy(monkeypatch):
    """What a command finds in the environment, as in a process that has not loaded PyTorch."""
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setenv("OMP_WAIT_POLICY", "")
    monkeypatch.delenv("OMP_WAIT_POLICY")
    found = []

    @with_passive_waiting
    def command(*, word):
        found.append((word, os.environ.get("OMP_WAIT_POLICY")))

    return lambda: command(word="a") or found.pop()


def test_idle_threads_sleep(policy):
    assert policy() == ("a", "PASSIVE")


def test_what_the_user_says_stays(policy, monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert policy() == ("a", "ACTIVE")


def test_the_environment_is_left_alone_once_it_is_too_late(policy, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", object())
    assert policy() == ("a", None)
