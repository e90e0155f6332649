"""An API token as a list shows it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TokenLine:
    """A token as a list shows it, without the token itself."""

    prefix: str
    name: str
    user: str
    scopes: str
    expires_at: datetime | None
    revoked_at: datetime | None
