"""A process that was stopped comes back as if from the dead: it harms nobody, and nobody harms it."""

import os
import signal
import time

import pytest

from tests.crashes.forking import Zygote

KILLED = -signal.SIGKILL


@pytest.fixture
def second():
    """A second process that wants the same directory."""
    zygote = Zygote()
    yield zygote
    zygote.close()


def stopped(lives, path):
    """Begin to live in the company, and be stopped in the middle of it."""
    child = lives.begin_living(path)
    deadline = time.monotonic() + 30
    acknowledged = path / "acknowledged"
    while not acknowledged.exists() or acknowledged.stat().st_size < 5:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(child, signal.SIGSTOP)
    return child


def test_who_was_stopped_keeps_the_directory_and_goes_on(lives, second):
    path = lives.begin("stopped")
    child = stopped(lives, path)
    try:
        told = path / "error"
        order = {"directory": str(path), "settings": lives.settings, "error": str(told)}
        assert second.run(what="live", **order) == 3
        assert told.read_text() == (
            f"Conflict: Another process is working in {path}."
            " Wait until it has finished, or ask it over its pages."
        )
        before = (path / "acknowledged").stat().st_size
        assert second.run(what="live", **order) == 3
        assert (path / "acknowledged").stat().st_size == before
    finally:
        os.kill(child, signal.SIGCONT)
    assert lives.zygote.ended() == 0
    assert not lives.judge(path)
    assert lives.history(path).resent == 0


def test_who_was_stopped_and_killed_leaves_the_directory_to_the_next(lives, second):
    path = lives.begin("taken-over")
    child = stopped(lives, path)
    os.kill(child, signal.SIGKILL)
    assert lives.zygote.ended() == KILLED
    assert second.run(what="live", directory=str(path), settings=lives.settings) == 0
    assert not lives.judge(path)
