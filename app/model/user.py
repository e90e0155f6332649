"""A user."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class User:
    """A user, without the password's hash, which only the store reads."""

    id: int
    name: str
    email: str
    is_admin: bool
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class UserLine:
    """A user as administrators see one in a list."""

    name: str
    email: str
    is_admin: bool
    disabled_at: datetime | None
    created_at: datetime
    sessions: int
    seen_at: datetime | None
