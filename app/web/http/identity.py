"""Who asks: decided here and nowhere else. What they may is for `model/access.py`."""

from quart import has_websocket_context, request, websocket

from app.actions.tokens import digest, redeem_ticket
from app.errors import InvalidRequest, Unauthenticated
from app.model.access import ANONYMOUS, Principal
from app.services import Services
from app.web.http.context import services
from app.web.http.limits import address, guessing, take

_MOST_SECRET = 200


async def caller(cost: int = 1) -> Principal:
    """Who makes this call, counted against their limit. Raises Unauthenticated, RateLimited or Unavailable."""
    asked = websocket if has_websocket_context() else request
    who = await recognised(services(), asked.headers.get("Authorization"), address())
    take(who, cost)
    return who


async def watcher() -> Principal:
    """As `caller`, for streams and websockets, where a ticket in the URL may stand for the token."""
    asked = websocket if has_websocket_context() else request
    ticket = asked.args.get("ticket")
    if ticket is None:
        return await caller()
    _check_length(ticket, "ticket")
    async with guessing(services(), address()):
        who = await redeem_ticket(services().db, ticket)
    take(who, 1)
    return who


async def recognised(hub: Services, authorization: str | None, from_address: str) -> Principal:
    """Whom this header names, ANONYMOUS without one. Raises Unauthenticated, InvalidRequest, RateLimited or
    Unavailable."""
    if authorization is None:
        return ANONYMOUS
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("Send the token as 'Authorization: Bearer tw_…'.", field="Authorization")
    _check_length(secret, "Authorization")
    token_digest = digest(secret.strip())  # The secret itself is kept nowhere, not even in a cache's key.
    known = hub.identities.known(token_digest)
    if known is not None:
        return known
    async with guessing(hub, from_address):
        return await hub.identities.get(token_digest)


def _check_length(secret: str, field: str) -> None:
    if len(secret) > _MOST_SECRET:
        raise InvalidRequest(f"{field} is longer than any that this hub gives.", field=field)
