"""Who calls, and whether they call too often: decided here and nowhere else. What a caller may do is decided in
`model/access.py`."""

from app.actions.tokens import digest, redeem_ticket
from app.errors import InvalidRequest, Unauthenticated
from app.model.access import ANONYMOUS, FOREIGN, Principal
from app.runtime.limits import refusal
from app.services import Services
from app.web.http.call import Call
from app.web.http.context import current_call, services
from app.web.http.origin import is_foreign

_MAX_SECRET = 200  # Characters.


async def caller() -> Principal:
    """Who makes the present call, counted against their limit. Raises Unauthenticated, InvalidRequest, RateLimited or
    Unavailable."""
    return await admit_call(services(), current_call())


async def watcher() -> Principal:
    """As `caller`, for streams and websockets, where a ticket in the URL may stand for the token."""
    return await admit_call(services(), current_call(), tickets=True)


async def admit_call(hub: Services, call: Call, *, tickets: bool = False) -> Principal:
    """What comes before all else for a call: who makes it, and whether they call too often. Raises as `caller`."""
    who = await identify(hub, call, tickets=tickets)
    charge(hub, call, who, 1)
    return who


def charge(hub: Services, call: Call, who: Principal, cost: int) -> None:
    """Count what a call costs, in calls. Raises RateLimited where that is too much, and counts nothing then."""
    if cost > 0:
        call.allowance = hub.limits.count(who, call.address, cost)
        if call.allowance is not None and not call.allowance.allowed:
            raise refusal(call.allowance)


async def identify(hub: Services, call: Call, *, tickets: bool = False) -> Principal:
    """Whose credential the call presents: a ticket where `tickets` count, else a token; ANONYMOUS without any,
    and FOREIGN where that is the call of another site's page."""
    ticket = call.argument("ticket") if tickets else None
    if ticket is not None:
        _check_length(ticket, "ticket")
        if call.method == "HEAD":
            raise InvalidRequest("A ticket is for one GET, and HEAD would use it up.", field="ticket")
        async with hub.limits.throttle_login(call.address):
            return await redeem_ticket(hub.db, ticket)
    authorization = call.single_header("Authorization")
    if authorization is None:
        origin = call.header("Origin")
        return FOREIGN if origin is not None and is_foreign(hub.settings, call, origin) else ANONYMOUS
    scheme, _, secret = authorization.partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret:
        raise Unauthenticated("Send the token as 'Authorization: Bearer tw_…'.", field="Authorization")
    _check_length(secret, "Authorization")
    token_digest = digest(secret)  # The secret itself is kept nowhere, not even as a cache's key.
    known = hub.identities.known(token_digest)
    if known is not None:
        return known
    async with hub.limits.throttle_login(call.address):
        return await hub.identities.get(token_digest)


def _check_length(secret: str, field: str) -> None:
    if len(secret) > _MAX_SECRET:
        raise InvalidRequest(f"{field} is longer than any that this hub issues.", field=field)
