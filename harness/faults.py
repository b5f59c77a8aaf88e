"""What went wrong between us and the Hub, read off an error, whichever library raised it."""

from __future__ import annotations

import errno
from typing import Any
from urllib.parse import unquote

BUSY = {408, 429, 500, 502, 503, 504}
"""Answers of a server after which the same request may succeed."""
SLOW = {"ReadTimeout", "ConnectTimeout", "PoolTimeout", "WriteTimeout", "OutOfPatienceError"}
CUT = {"RemoteProtocolError", "ReadError", "WriteError"}
SHORT = "Consistency check failed"
"""What huggingface_hub says of a download whose size is not the announced one."""


class OutOfPatienceError(OSError):
    """No more is asked of a Hub that has answered badly, or not at all, for too long."""

    def __init__(self, message: str, response: Any = None) -> None:
        """Keep the last bad answer."""
        super().__init__(message)
        self.response = response


def causes(error: BaseException | None) -> list[BaseException]:
    """An error and the errors it was raised from."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def kinds(error: BaseException) -> set[str]:
    """Names of the classes of an error and of its causes; those of the HTTP client differ between its versions."""
    return {kind.__name__ for cause in causes(error) for kind in type(cause).__mro__}


def response_of(error: BaseException) -> Any:
    """The HTTP response that an error, or one of its causes, came with; None where there was none.

    A file that is not there (404) is how the libraries look for optional ones, and so no cause of what comes after.
    """
    found = (getattr(cause, "response", None) for cause in causes(error))
    return next((response for response in found if getattr(response, "status_code", 404) != 404), None)


def file_of(error: BaseException) -> str:
    """The file of a repository that a bad answer was about, or nothing."""
    path = unquote(getattr(getattr(getattr(response_of(error), "request", None), "url", None), "path", ""))
    return path.partition("/resolve/")[2].partition("/")[2]


def status_of(error: BaseException) -> int | None:
    """HTTP status that an error, or one of its causes, came with."""
    response = response_of(error)
    return None if response is None else int(response.status_code)


def asked_wait(response: Any) -> float | None:
    """Seconds that an answer asks to wait, by ``Retry-After`` or by the Hub's own ``ratelimit``; None if it does not."""
    if response is None:
        return None
    from huggingface_hub.utils import parse_ratelimit_headers

    limited = parse_ratelimit_headers(response.headers) if response.status_code == 429 else None
    if limited is not None and limited.remaining == 0:
        return float(limited.reset_in_seconds)
    told = response.headers.get("Retry-After", "").strip()
    return float(told) if told.isdigit() else None


def passes(error: BaseException) -> bool:
    """Whether a later attempt may succeed: the server is busy or slow, or it cut the connection."""
    status = status_of(error)
    if status is not None:
        return status in BUSY
    return bool(kinds(error) & (SLOW | CUT)) or any(SHORT in str(cause) for cause in causes(error))


def server() -> str:
    """The Hub, with its address."""
    from huggingface_hub import constants

    return f"the Hub ({constants.ENDPOINT})"


def bad_answer(response: Any) -> str:
    """What the Hub answered, as a sentence without its end."""
    wait = asked_wait(response)
    return f"{server()} answered {response.status_code}" + (f" and asks to wait {wait:.0f} s" if wait else "")


def fault_of(error: BaseException) -> str:
    """A fault of the Hub or of the way to it, as a sentence without its end."""
    response, found = response_of(error), kinds(error)
    if response is not None:
        return bad_answer(response)
    if found & SLOW:
        return f"{server()} is too slow to answer"
    if found & CUT or any(SHORT in str(cause) for cause in causes(error)):
        return f"{server()} cut the connection"
    return f"{server()} cannot be reached"


def lasting(error: BaseException, repository: str, page: str, file: str = "") -> str | None:
    """The message for a fault that is the same for every kind of repository and that no patience mends, else None.

    Args:
        error: what was raised.
        repository: its name.
        page: its path on the Hub's site.
        file: the file that was asked for.
    """
    from huggingface_hub import constants, get_token

    status, page = status_of(error), f"{constants.ENDPOINT}/{page}"
    if any("Invalid credentials" in str(cause) for cause in causes(error)):
        found = f"the token in HF_TOKEN is not valid (status {status} for {repository})"
        return f"{found}; make one at {constants.ENDPOINT}/settings/tokens, or unset HF_TOKEN where none is needed"
    shut = "GatedRepoError" in kinds(error) or "is a gated dataset" in str(error)
    if shut or ("RepositoryNotFoundError" not in kinds(error) and status in (401, 403)):
        if get_token():
            found = f"{repository} is gated and the token in HF_TOKEN has no access to it"
            return f"{found}{f' (status {status})' if status else ''}; ask for access at {page}"
        return f"{repository} is gated and no token was found; accept its terms at {page} and set HF_TOKEN"
    if any(isinstance(cause, OSError) and cause.errno == errno.ENOSPC for cause in causes(error)):
        what = f"{file} of {repository}" if file else repository
        return f"the disk is full: {what} cannot be stored; free some space, or point HF_HOME elsewhere"
    return None


def passing(error: BaseException, what: str) -> str:
    """The message for a fault that may be gone later."""
    if passes(error):
        return f"{fault_of(error)} for {what}; run the same command again later: what was fetched and measured is kept"
    return f"{fault_of(error)} for {what}; check the network, or pass --offline to use the cache"
