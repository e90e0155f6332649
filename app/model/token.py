"""An API token as a list shows it."""

from dataclasses import dataclass
from datetime import datetime

USED_MS = 60_000  # The use of a token is recorded once in so long, by each process.


@dataclass(frozen=True, slots=True)
class TokenLine:
    """A token as a list shows it, without the token itself."""

    id: int
    prefix: str
    name: str
    user: str
    scopes: str
    channel: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None
