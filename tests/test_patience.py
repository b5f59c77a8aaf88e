"""Two threads that ask the Hub at once: each has its own patience."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from huggingface_hub.utils import get_session, logging

from harness.patience import WATCH, Patience


def request() -> SimpleNamespace:
    return SimpleNamespace(url="here", extensions={})


def test_a_request_is_told_to_the_patience_of_its_thread_and_the_hooks_stay_one_pair():
    mine, theirs = Patience("mine"), Patience("theirs")
    inside, done = threading.Event(), threading.Event()
    verbosity = logging.get_verbosity()

    def other() -> None:
        with theirs.watching():
            WATCH.before(request())
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(10)
    with mine.watching():
        assert mine.since is None and theirs.since is not None
        WATCH.before(request())
        assert mine.since is not None
        with Patience("inner").watching():
            pass
        assert WATCH.current() is mine
        assert get_session().event_hooks["request"].count(WATCH.before) == 1
    done.set()
    thread.join()
    assert WATCH.current() is None and logging.get_verbosity() == verbosity


def test_a_library_s_own_thread_is_watched_where_it_is_plain_for_whom():
    mine = Patience("mine")
    with mine.watching():
        thread = threading.Thread(target=lambda: WATCH.before(request()))
        thread.start()
        thread.join()
    assert mine.since is not None
    WATCH.before(request())
