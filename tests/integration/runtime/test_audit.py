"""The audit log: one line an act, with who did it, and no secret in any of them."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.telemetry.audit import AUDIT, Act
from tests.support import ROOT
from tests.support.browsing import PASSWORD, Browsing, signed_in
from tests.support.hub import ServedHub


class Lines(logging.Handler):
    """The fields of each line, and their text."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[dict[str, Any]] = []
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.fields.append(vars(record)["fields"])
        self.text += record.getMessage() + "\n"

    @property
    def acts(self) -> list[tuple[str, str | None]]:
        return [(each["act"], each["by"]) for each in self.fields]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, level = Lines(), AUDIT.level
    AUDIT.addHandler(handler)
    AUDIT.setLevel(logging.INFO)
    yield handler
    AUDIT.removeHandler(handler)
    AUDIT.setLevel(level)


async def test_each_act_is_one_line_with_who_did_it(hub_sqlite: ServedHub, lines: Lines) -> None:
    hub = hub_sqlite
    adi, ben = await signed_in(hub, "adi", admin=True), await signed_in(hub, "ben")
    await ben.send("/new", "/new", {"slug": "ci", "visibility": "private", "publishing": "publishers"})
    shown = (await ben.send("/ci", "/ci/token")).body.decode()
    await ben.send("/ci/members", "/ci/members", {"name": "adi", "role": "publisher"})
    made = (await ben.send("/ci/members", "/ci/invitations", {"days": "1", "uses": "1"})).body.decode()
    link = re.search(r"/invite/([\w-]{43})", made)
    assert link
    guest = Browsing(hub)
    await guest.open(link[0])
    await guest.send("/invite", "/invite/new", {"name": "cyd", "email": "c@example.org", "password": PASSWORD})
    await adi.send("/ci", "/ci/leave")
    await ben.send("/ci/members", "/ci/members/cyd/remove")
    await ben.send("/account", "/account/password", {"old": PASSWORD, "new": "a quite different phrase"})
    for act in ("promote", "demote", "end-sessions", "disable", "enable"):
        await adi.send("/admin/users", f"/admin/users/cyd/{act}")
    await ben.send("/ci/settings", "/ci/delete", {"typed": "ci"})
    await ben.send("/account", "/signout")
    (token,) = set(re.findall(r"tw_[\w-]{43}", shown))

    assert lines.acts == [
        ("user.signed_in", "adi"),
        ("user.signed_in", "ben"),
        ("channel.created", "ben"),
        ("token.created", "ben"),
        ("member.set", "ben"),
        ("invitation.created", "ben"),
        ("user.created", "cyd"),
        ("invitation.used", "cyd"),
        ("member.left", "adi"),
        ("member.removed", "ben"),
        ("user.password_changed", "ben"),
        ("user.promoted", "adi"),
        ("user.demoted", "adi"),
        ("session.ended_all", "adi"),
        ("user.disabled", "adi"),
        ("user.enabled", "adi"),
        ("channel.deleted", "ben"),
        ("session.ended", "ben"),
    ]
    assert all(secret not in lines.text for secret in (PASSWORD, "quite different", token, link[1]))
    assert 'member.set by ben channel="ci" user="adi" role="publisher"\n' in lines.text


async def test_a_failed_sign_in_is_one_line_whatever_was_typed(hub_sqlite: ServedHub, lines: Lines) -> None:
    answer = await Browsing(hub_sqlite).sign_in("ana\n12:00:00 INFO \x1b[2J" + "x" * 250, "my secret password")

    assert answer.status == 401
    assert lines.acts == [("user.sign_in_failed", None)]
    assert lines.text.count("\n") == 1 and lines.text.isascii() and "\x1b" not in lines.text
    assert "my secret password" not in lines.text and len(lines.text) < 300


def test_every_act_is_documented() -> None:
    page = Path(ROOT, "docs", "operating.md").read_text()

    assert [act.value for act in Act if f"`{act.value}`" not in page] == []
