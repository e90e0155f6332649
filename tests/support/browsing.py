"""A browser without JavaScript: it keeps cookies, opens pages and sends the forms that it finds there."""

import re
from http.cookies import SimpleCookie
from typing import Any

from app.actions.passwords import hash_password
from app.store import users
from tests.support.hub import Answered, ServedHub

PASSWORD = "correct horse battery"
_TOKEN = re.compile(r'name="csrf_token" value="([0-9a-f]{64})"')


class Browsing:
    """One browser at one hub."""

    def __init__(self, hub: ServedHub) -> None:
        self.hub = hub
        self.cookies: dict[str, str] = {}
        self.set_cookies: dict[str, str] = {}  # The attributes that each was last sent with.

    async def open(self, path: str, **headers: str) -> Answered:
        """GET a page."""
        return await self._call("GET", path, headers=headers)

    async def send(self, page: str, action: str, fields: dict[str, str] | None = None, **headers: str) -> Answered:
        """POST the form of a page to its action, with the token that the page has."""
        opened = await self.open(page)
        found = _TOKEN.search(opened.body.decode())
        assert found, opened
        return await self.post(action, {"csrf_token": found[1], **(fields or {})}, **headers)

    async def post(self, action: str, fields: dict[str, str], **headers: str) -> Answered:
        """POST these fields and no other."""
        return await self._call("POST", action, data=fields, headers=headers)

    async def sign_in(self, name: str = "ana", password: str = PASSWORD, **fields: str) -> Answered:
        """Sign in by the page's form."""
        return await self.send("/signin", "/signin", {"name": name, "password": password, **fields})

    @property
    def headers(self) -> dict[str, str]:
        """What a script of this browser's page sends by itself."""
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    async def _call(self, method: str, path: str, *, headers: dict[str, str], **given: Any) -> Answered:
        sent = {"Accept": "text/html", **self.headers, **headers}
        answer = await self.hub.call(method, path, headers=sent, **given)
        for each in answer.headers.getall("Set-Cookie", []):  # type: ignore[attr-defined]
            for name, morsel in SimpleCookie(each).items():
                self.set_cookies[name] = each
                self.cookies.pop(name, None)
                if morsel.value and morsel["max-age"] != "0":
                    self.cookies[name] = morsel.value
        return answer


async def with_password(hub: ServedHub, name: str = "ana", *, admin: bool = False) -> None:
    """Give the user of this name PASSWORD; the user is created if missing."""
    user = await hub.user(name, admin=admin)
    hashed = await hash_password(PASSWORD)
    async with hub.services.db.transaction() as tx:
        await users.set_password_hash(tx, user.id, hashed)


async def signed_in(hub: ServedHub, name: str = "ana", *, admin: bool = False) -> Browsing:
    """A browser of this user's, signed in."""
    await with_password(hub, name, admin=admin)
    browsing = Browsing(hub)
    answer = await browsing.sign_in(name)
    assert answer.status == 303, answer
    return browsing
