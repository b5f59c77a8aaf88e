"""What went wrong between us and the Hub, read off an error, whichever library raised it."""

from __future__ import annotations

from typing import Any

BUSY = {408, 429, 500, 502, 503, 504}
"""Answers of a server after which the same request may succeed."""
SLOW = {"ReadTimeout", "ConnectTimeout", "PoolTimeout", "WriteTimeout", "OutOfPatienceError"}
CUT = {"RemoteProtocolError", "ReadError", "WriteError", "ChunkedEncodingError", "IncompleteRead"}
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
    """The HTTP response that an error, or one of its causes, came with; None where there was none."""
    found = (getattr(cause, "response", None) for cause in causes(error))
    return next((response for response in found if getattr(response, "status_code", None) is not None), None)


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


def fault_of(error: BaseException) -> str:
    """A fault of the Hub or of the way to it, as a sentence without its end."""
    status, found = status_of(error), kinds(error)
    if status is not None:
        wait = asked_wait(response_of(error))
        return f"{server()} answered {status}" + (f" and asks to wait {wait:.0f} s" if wait else "")
    if found & SLOW:
        return f"{server()} is too slow to answer"
    if found & CUT or any(SHORT in str(cause) for cause in causes(error)):
        return f"{server()} cut the connection"
    return f"{server()} cannot be reached"
