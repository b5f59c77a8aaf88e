"""Patience with the Hub: how often and how long it is asked again, and a line for whoever waits.

The Hub's client asks again by itself for the metadata of a file, and goes on with a download that was cut; but it waits
as long as a server tells it to. What it does not ask again (a commit, the begin of a download under 5xx, a connection
that broke while a file was read) is asked again here. Both are under one bound.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from harness.faults import BUSY, OutOfPatienceError, asked_wait, bad_answer, fault_of, passes, response_of, server
from harness.progress import say

WAITS = (1.0, 2.0, 4.0, 8.0)
"""Seconds before a failed call is made again, where the Hub names none."""
FAULTS = 6
"""Bad answers in a row after which no more is asked; 2 where the call before found the Hub down."""
SECONDS = 120.0
"""Seconds without a good answer after which no more is asked; 5 where the call before found the Hub down."""
ANSWER = 30.0
"""Seconds in which a request is to be answered where the client sets no limit."""
TOLD = 2.0
"""Seconds from which on a wait is told."""

T = TypeVar("T")
now = time.monotonic
chance = random.Random()


def patiently(call: Callable[[], T], what: str, *, offline: bool = False) -> T:
    """Make a call to the Hub, again where a later one may succeed; the last error is raised as it is.

    Args:
        call: anything that asks the Hub through its own client.
        what: what is asked for, as shown to whoever waits.
        offline: let no request out; the client then looks into its cache.
    """
    patience = Patience(what, offline)
    for wait in (*WAITS, None):
        try:
            with patience.watching():
                return call()
        except Exception as error:
            if offline or not passes(error) or not patience.wait(error, wait):
                raise
    raise AssertionError("the last call returns or raises")


@dataclass
class Patience:
    """What is left of it during one call, which may make many requests.

    Attributes:
        what: what is asked for.
        offline: whether no request may go out.
        since: when the first request was made of those that have not been answered well; None where all were.
        faults: bad answers in a row.
        last: the last of them.
        spent: whether no more will be asked.
    """

    what: str
    offline: bool = False
    since: float | None = None
    faults: int = 0
    last: Any = None
    spent: bool = False
    down: ClassVar[bool] = False
    """Whether the call before found the Hub down: two hundred checkpoints do not each wait for it in full."""

    def before(self, request: Any) -> None:
        """Refuse a request that may not go out or comes after too long; give one a time limit that has none.

        Raises:
            OfflineModeIsEnabled: the cache alone may be read.
            OutOfPatienceError: nothing good has come for too long.
        """
        if self.offline:
            from huggingface_hub.errors import OfflineModeIsEnabled

            raise OfflineModeIsEnabled(f"{request.url} may not be asked: --offline")
        self.since = now() if self.since is None else self.since
        if self.spent or not self.may_wait(0.0):
            self.spent = True
            raise OutOfPatienceError(f"{self.what}: {server()} has not answered well for too long", self.last)
        limits = request.extensions.setdefault("timeout", {})
        limits |= {part: ANSWER for part in ("connect", "read", "write", "pool") if limits.get(part) is None}

    def after(self, response: Any) -> None:
        """Count a bad answer, and raise it where the client would go on asking, or would wait, for too long."""
        if response.status_code not in BUSY:
            self.since, self.faults, self.last = None, 0, None
            Patience.down = False
            return
        from huggingface_hub.utils import hf_raise_for_status

        self.faults, self.last = self.faults + 1, response
        asked = asked_wait(response)
        if self.faults >= (2 if Patience.down else FAULTS) or not self.may_wait(asked or 0.0):
            self.spent = True
            hf_raise_for_status(response)
        if self.faults > 1 or (asked or 0.0) >= TOLD:
            say(f"{bad_answer(response)} for {self.what}; it is asked again")

    def may_wait(self, seconds: float) -> bool:
        """Whether a wait of so many seconds ends before patience does."""
        limit = 5.0 if Patience.down else SECONDS
        return now() + seconds - (now() if self.since is None else self.since) <= limit

    def wait(self, error: Exception, seconds: float | None) -> bool:
        """Wait before the whole call is made again; False, at once, where patience (or ``seconds``) is at its end."""
        asked = asked_wait(response_of(error))
        # Many runs that were turned away together do not come back together; none comes before it is asked to.
        pause = ((seconds or 0.0) if asked is None else asked + 1.0) * chance.uniform(1.0, 1.25)
        if seconds is None or self.spent or Patience.down or not self.may_wait(pause):
            Patience.down = True
            return False
        if pause >= TOLD and response_of(error) is None:  # an answer has been told of
            say(f"{fault_of(error)} for {self.what}; it is asked again in {pause:.0f} s")
        time.sleep(pause)
        return True

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within it every request that this thread makes of the Hub's client, and every answer, passes by here."""
        thread = threading.get_ident()
        outer = WATCH.by_thread.get(thread)
        WATCH.enter(thread, self)
        try:
            yield
        finally:
            WATCH.leave(thread, outer)


class Watch:
    """The hooks on the Hub's client, which all threads share: each request is told to the patience of its thread.

    A library may ask from a thread of its own; where one patience alone is watching, it is that one's.
    """

    def __init__(self) -> None:
        """Nothing is watched."""
        self.by_thread: dict[int, Patience] = {}
        self.verbosity = 0
        self.lock = threading.Lock()

    def enter(self, thread: int, patience: Patience) -> None:
        """A thread begins to be watched; what the client says of its own waits is said here, once."""
        from huggingface_hub.utils import logging

        with self.lock:
            self.install()
            if not self.by_thread:
                self.verbosity = logging.get_verbosity()
                logging.set_verbosity_error()
            self.by_thread[thread] = patience

    def leave(self, thread: int, outer: Patience | None) -> None:
        """Back to the patience that was watching before, or to none."""
        from huggingface_hub.utils import logging

        with self.lock:
            if outer is not None:
                self.by_thread[thread] = outer
                return
            del self.by_thread[thread]
            if not self.by_thread:
                logging.set_verbosity(self.verbosity)

    def install(self) -> None:
        """Put the hooks on the client, should it be a new one."""
        from huggingface_hub.utils import get_session

        hooks = get_session().event_hooks
        if self.before not in hooks["request"]:
            get_session().event_hooks = {
                "request": [self.before, *hooks["request"]],
                "response": [*hooks["response"], self.after],
            }

    def current(self) -> Patience | None:
        """Whose request it is."""
        watching = list(self.by_thread.values())
        return self.by_thread.get(threading.get_ident()) or (watching[0] if len(watching) == 1 else None)

    def before(self, request: Any) -> None:
        """A request goes out."""
        if (patience := self.current()) is not None:
            patience.before(request)

    def after(self, response: Any) -> None:
        """An answer came."""
        if (patience := self.current()) is not None:
            patience.after(response)


WATCH = Watch()
