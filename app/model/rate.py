"""A rate, and what is left of it for one caller."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` sustained, `burst` at once."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """The answer to one call: whether it may go on, what is left, and in how many seconds the bucket is full again."""

    allowed: bool
    limit: int
    remaining: int
    reset: float
    retry_after: float
