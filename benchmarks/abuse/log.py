"""What the log holds before an attack, written through the hub's own store."""

from app.actions.setup import prepare_development
from app.clock import now_ms
from app.config import Settings
from app.model.access import ANONYMOUS, check_publish
from app.model.draft import check, draft_of
from app.model.submission import Stored, Submitted
from app.store.engine.database import Database
from app.store.log.append import open_log

# Updates of the channel `lobby`, by attack: how many groups of how many, and their fields.
_CONTENTS: dict[str, tuple[int, list[dict[str, object]]]] = {
    "searches": (150, [{"body": word} for word in ("left", "right") * 500]),
    **{
        name: (10, [{"body": "x" * 32_000, "data": "y" * 30_000, "key": f"k{n}"} for n in range(100)])
        for name in ("unread answers", "large pages", "streams from the beginning")
    },
}


async def fill(database_url: str, attack: str) -> None:
    """Append what the attack needs there; nothing for most."""
    groups, updates = _CONTENTS.get(attack, (0, []))
    if not groups:
        return
    settings = Settings(database_url=database_url)
    db = Database(settings)
    log = open_log(db, settings)
    try:
        await prepare_development(db)
        submission = check([draft_of(update) for update in updates])
        for _ in range(groups):
            outcomes = await log.append([Submitted("lobby", ANONYMOUS, submission)], now_ms(), check_publish, 30)
            assert isinstance(outcomes[0], Stored), outcomes
    finally:
        await log.close()
        await db.close()
