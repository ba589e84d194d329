"""Interrupts that come upon code which drops them, in processes of their own."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from funding_platform.core.system.interrupts import (
    give_dropped_interrupts_again,
    interrupts_noticed,
    terminated_like_interrupted,
)

FINALISED = """
import signal, time
from funding_platform.core.system.interrupts import (
    give_dropped_interrupts_again,
    terminated_like_interrupted,
)

class Finalised:
    def __del__(self):
        signal.raise_signal({number})

give_dropped_interrupts_again()
with terminated_like_interrupted():
    Finalised()
    print("went on", flush=True)
    time.sleep(600)
"""

FAILING = """
from funding_platform.core.system.interrupts import give_dropped_interrupts_again

class Failing:
    def __del__(self):
        raise ValueError("of its own")

give_dropped_interrupts_again()
Failing()
"""


def run(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_a_finaliser_drops_comes_again(number: signal.Signals) -> None:
    ended = run(FINALISED.format(number=int(number)))
    assert ended.stdout == "went on\n"
    assert ended.returncode != 0
    assert ended.stderr.splitlines()[-1] == "KeyboardInterrupt"
    assert "ignored" not in ended.stderr


def test_what_else_a_finaliser_raises_is_told_as_ever() -> None:
    ended = run(FAILING)
    assert ended.returncode == 0
    assert "ValueError: of its own" in ended.stderr


def test_however_often_it_is_asked_for_one_hook_stands_before_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each command asks for it, and many run in one process where they are tested."""
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    give_dropped_interrupts_again()
    first = sys.unraisablehook
    give_dropped_interrupts_again()
    assert first is not sys.__unraisablehook__
    assert sys.unraisablehook is first


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_end_is_noticed_whatever_a_handler_makes_of_it(number: signal.Signals) -> None:
    before = signal.signal(number, lambda *_: None)
    try:
        with interrupts_noticed() as asked_to_end:
            assert not asked_to_end()
            signal.raise_signal(number)
            assert asked_to_end()
            assert asked_to_end()
        with interrupts_noticed() as asked_to_end:
            assert not asked_to_end()
    finally:
        signal.signal(number, before)


def test_other_signals_are_no_request_to_end() -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with interrupts_noticed() as asked_to_end:
            signal.raise_signal(signal.SIGUSR1)
            assert not asked_to_end()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_whoever_listened_before_listens_again() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer)
    try:
        with interrupts_noticed():
            pass
        assert signal.set_wakeup_fd(before) == writer
    finally:
        os.close(reader)
        os.close(writer)


def test_no_signal_comes_upon_another_thread() -> None:
    answers: list[bool] = []

    def ask() -> None:
        with interrupts_noticed() as asked_to_end:
            answers.append(asked_to_end())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert answers == [False]


def test_sigterm_ends_a_block_as_an_interrupt() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), terminated_like_interrupted():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
