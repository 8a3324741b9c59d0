"""Ctrl-C is held within a block, let through where asked and at its end, and else as it was."""

import signal
import threading

import pytest

from myofin.interrupts import held_interrupts


def test_it_is_let_through_where_asked():
    done = []
    with pytest.raises(KeyboardInterrupt), held_interrupts() as let_through:
        signal.raise_signal(signal.SIGINT)
        done.append("whole")
        let_through()
        done.append("not reached")
    assert done == ["whole"]


def test_it_is_let_through_at_the_end_and_nothing_stays_held():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    done = []
    with pytest.raises(KeyboardInterrupt):
        with held_interrupts():
            signal.raise_signal(signal.SIGINT)
            done.append("whole")
        done.append("not reached")
    assert done == ["whole"]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_an_error_in_the_block_goes_first():
    with pytest.raises(ValueError, match="first"), held_interrupts():
        signal.raise_signal(signal.SIGINT)
        raise ValueError("first")


def test_what_nobody_handles_is_not_held():
    with held_interrupts():
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_another_thread_holds_nothing():
    seen = []

    def work():
        with held_interrupts() as let_through:
            let_through()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
