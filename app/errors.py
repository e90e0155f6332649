"""The closed list of refusals: what the hub may answer instead of doing what it was asked.

A refusal is raised where the rule stands and becomes an answer in a face only: the HTTP status and JSON body, the
websocket's `error` message or close code, or a page. The code is for programs and never changes; the message is public:
it names the rule, and what would be right.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a service can't be used, for the operator. `detail`, the driver's own words, may name hosts and files: it is
    for the log and the terminal alone."""

    word: str  # From a closed list, for metrics.
    problem: str
    step: str  # The next step.
    detail: str = ""

    @property
    def public(self) -> str:
        """The problem and the next step, without the detail."""
        return f"{self.problem}: {self.step}."

    @property
    def sentence(self) -> str:
        """The problem, the detail, and the next step."""
        detail = " ".join(self.detail.split()).rstrip(".")
        return f"{self.problem} ({detail}): {self.step}." if detail else self.public

    def __str__(self) -> str:
        return f"{self.sentence} `tidewire doctor` checks everything that the hub needs."


class Refusal(Exception):
    """Something asked for is not done, and nothing of it is half done."""

    code: ClassVar[str]
    status: ClassVar[int]

    def __init__(self, message: str, *, field: str | None = None, retry_after: int | None = None) -> None:
        """`field` names what broke the rule; `retry_after` is in seconds, for what may work later."""
        super().__init__(message)
        self.message = message
        self.field = field
        self.retry_after = retry_after


class InvalidRequest(Refusal):
    """The request can't be parsed: broken JSON, an unknown parameter, a number out of bounds."""

    code, status = "invalid_request", 400


class InvalidUpdate(Refusal):
    """The update is well-formed and breaks one of its rules (RFC 9110, 15.5.21)."""

    code, status = "invalid_update", 422


class Unauthenticated(Refusal):
    """The call needs a valid credential, and brought none."""

    code, status = "unauthenticated", 401


class Forbidden(Refusal):
    """The caller is known and may see the thing, and lacks the right to do this with it."""

    code, status = "forbidden", 403


class NotFound(Refusal):
    """There is no such thing, or the caller may not see it."""

    code, status = "not_found", 404


class Conflict(Refusal):
    """It contradicts what is stored: a slug that is taken, an idempotency key that was used."""

    code, status = "conflict", 409


class MisdirectedRequest(InvalidRequest):
    """The request is for a host that this hub does not serve (RFC 9110, 15.5.20)."""

    status = 421


class TooLarge(Refusal):
    """More bytes, entries or subscriptions than the bound named in the message."""

    code, status = "too_large", 413


class UnsupportedMediaType(Refusal):
    """The body is of a media type that this call does not accept."""

    code, status = "unsupported_media_type", 415


class RateLimited(Refusal):
    """Too many calls in too short a time; `Retry-After` says when to try again."""

    code, status = "rate_limited", 429


class Unavailable(Refusal):
    """The database or the hub can't do it now; as far as the hub can know, nothing was stored."""

    code, status = "unavailable", 503

    def __init__(self, message: str, *, retry_after: int | None = None, cause: Cause | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.cause = cause

    def __str__(self) -> str:
        """For the operator: the cause, else the message."""
        return self.message if self.cause is None else str(self.cause)


REFUSALS: tuple[type[Refusal], ...] = (
    InvalidRequest,
    InvalidUpdate,
    Unauthenticated,
    Forbidden,
    NotFound,
    Conflict,
    TooLarge,
    UnsupportedMediaType,
    RateLimited,
    Unavailable,
)
INTERNAL_CODE = "internal"  # An error of ours: never raised on purpose, answered 500 with the request id alone.
