"""Sessions of the pages: how long they last, and one as a list shows it."""

from dataclasses import dataclass
from datetime import datetime

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
IDLE_MS = 14 * DAY_MS  # Without a request.
REMEMBERED_MS = 30 * DAY_MS  # After the sign-in, whatever it does.
UNREMEMBERED_MS = 12 * HOUR_MS
SEEN_MS = 60_000  # A request is recorded once in so long.
MOST_SESSIONS = 50  # Of one user; the one that was seen longest ago ends for the next.
MOST_AGENT = 300  # Characters of the browser's own description that are kept.


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that begins."""

    user_id: int
    agent: str
    address: str
    remembered: bool


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session as its user sees it."""

    id: int
    agent: str
    address: str
    created_at: datetime
    seen_at: datetime
