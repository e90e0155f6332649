"""A whole hub on a real server, and the users and channels of a test, created as an operator creates them."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
import msgspec
from quart import Quart

from app import create_app
from app.actions.channels import provide_channel
from app.actions.tokens import TokenDraft, create_token
from app.actions.users import create_user
from app.config import Settings
from app.model.access import Role, Scope
from app.model.channel import Channel, ChannelDraft
from app.model.user import User
from app.services import Services
from app.store import members as store_members
from app.web.http.context import EXTENSION
from tests.support.served import served


@dataclass(frozen=True, slots=True)
class Answered:
    """A complete HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        """The code of a refusal."""
        code: str = self.json["error"]["code"]
        return code


class ServedHub:
    """One hub: its base `url` and its application `app`. Ana owns channels, ben is a member, cyd sees nothing."""

    def __init__(self, app: Quart, url: str, http: aiohttp.ClientSession) -> None:
        self.app, self.url, self.http = app, url, http
        self._users: dict[str, User] = {}

    @property
    def services(self) -> Services:
        """The hub's services, for what the API does not offer."""
        found: Services = self.app.extensions[EXTENSION]
        return found

    async def user(self, name: str, *, admin: bool = False) -> User:
        """The user of this name, created at the first call."""
        if name not in self._users:
            email = f"{name}@example.org"
            self._users[name] = await create_user(self.services.db, name, email, None, admin)
        return self._users[name]

    async def channel(
        self,
        slug: str,
        *,
        visibility: str = "public",
        publishing: str = "everyone",
        owner: str | None = None,
        members: Mapping[str, Role] | None = None,
        **more: Any,
    ) -> Channel:
        """A new channel with these members; `more` holds further fields of ChannelDraft."""
        given = {"slug": slug, "visibility": visibility, "publishing": publishing, **more}
        channel = await provide_channel(self.services.db, msgspec.convert(given, ChannelDraft))
        for name, role in {**({owner: Role.OWNER} if owner else {}), **(members or {})}.items():
            user = await self.user(name)
            async with self.services.db.transaction() as tx:
                await store_members.put(tx, channel.id, user.id, role)
        return channel

    async def private(self, slug: str) -> Channel:
        """A private channel of ana's that ben may read."""
        return await self.channel(
            slug, visibility="private", publishing="publishers", owner="ana", members={"ben": Role.READER}
        )

    async def token(
        self,
        user: str = "ana",
        *,
        admin: bool = False,
        channel: str | None = None,
        scopes: Iterable[str] = ("read", "publish"),
        expires_at: datetime | None = None,
        name: str | None = None,
    ) -> str:
        """A new token of the user, who is created if missing."""
        await self.user(user, admin=admin)
        wanted = frozenset(Scope(scope) for scope in scopes)
        return await create_token(self.services.db, TokenDraft(user, name, wanted, channel, expires_at))

    async def call(self, method: str, path: str, *, token: str | None = None, **given: Any) -> Answered:
        """Send one HTTP request; `given` goes to aiohttp (`json`, `data`, `headers` …). Follows no redirect."""
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **given.pop("headers", {})}
        async with self.http.request(
            method, self.url + path, headers=headers, allow_redirects=False, **given
        ) as answer:
            return Answered(answer.status, answer.headers, await answer.read())

    async def publish(self, slug: str, *, token: str | None = None, **fields: Any) -> dict[str, Any]:
        """Publish one update and return it as stored."""
        answer = await self.call("POST", f"/api/v1/channels/{slug}/updates", token=token, json=fields)
        assert answer.status == 201, answer
        stored: dict[str, Any] = answer.json
        return stored


@asynccontextmanager
async def serving(settings: Settings, **factory: Any) -> AsyncIterator[ServedHub]:
    """Serve a hub with these settings on a free loopback port; `factory` goes to `create_app`."""
    app = create_app(settings, **factory)
    async with served(app) as url, _http() as http:
        yield ServedHub(app, url, http)


def _http() -> aiohttp.ClientSession:
    """A client session with a timeout and without cookies, so that calls do not share a login."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30), cookie_jar=aiohttp.DummyCookieJar())
