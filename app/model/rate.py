"""A rate limit, and what is left of it for one caller."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` sustained, and up to `burst` at once."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """The result for one call: whether it is allowed, what is left, and the seconds until the bucket is full again."""

    allowed: bool
    limit: int
    remaining: int
    reset: float
    retry_after: float
