"""The audit log: one line for each act that changes who may do what, and for each sign-in. It never has a secret."""

import json
import logging
from enum import StrEnum

AUDIT = logging.getLogger("tidewire.audit")
_MOST_CHARACTERS = 100  # Of a detail that somebody typed.


class Act(StrEnum):
    """What was done. A closed list: `docs/operating.md` has it."""

    SETUP_DONE = "setup.done"
    SIGNED_IN = "user.signed_in"
    SIGN_IN_FAILED = "user.sign_in_failed"
    USER_CREATED = "user.created"
    PASSWORD_CHANGED = "user.password_changed"
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    USER_PROMOTED = "user.promoted"
    USER_DEMOTED = "user.demoted"
    SESSION_ENDED = "session.ended"
    SESSIONS_ENDED = "session.ended_all"
    TOKEN_CREATED = "token.created"
    TOKEN_REVOKED = "token.revoked"
    CHANNEL_CREATED = "channel.created"
    CHANNEL_CHANGED = "channel.changed"
    CHANNEL_DELETED = "channel.deleted"
    MEMBER_SET = "member.set"
    MEMBER_REMOVED = "member.removed"
    MEMBER_LEFT = "member.left"
    INVITATION_CREATED = "invitation.created"
    INVITATION_USED = "invitation.used"
    INVITATION_ENDED = "invitation.ended"


def record(act: Act, actor: str | None, **details: str | int | bool | None) -> None:
    """Log the act, once it is committed: `actor` is a user's name, None for a visitor. The call's id is on the line."""
    shown = {name: _bounded(value) for name, value in details.items() if value is not None}
    words = "".join(f" {name}={json.dumps(value, ensure_ascii=True)}" for name, value in shown.items())
    AUDIT.info(
        "%s by %s%s", act.value, actor or "a visitor", words, extra={"fields": {"act": act, "by": actor, **shown}}
    )


def _bounded(value: str | int | bool) -> str | int | bool:
    return value[:_MOST_CHARACTERS] if isinstance(value, str) else value
