"""Who calls, and whether they call too often: decided here and nowhere else. What a caller may do is decided in
`model/access.py`."""

import hmac

from app.actions.identities import Presented
from app.actions.tickets import redeem_ticket
from app.errors import Forbidden, InvalidRequest, Unauthenticated
from app.model.access import ANONYMOUS, FOREIGN, CredentialKind, Principal
from app.model.secret import digest
from app.runtime.limits import refusal
from app.services import Services
from app.web.http import session_cookie
from app.web.http.call import Call
from app.web.http.context import current_call, services
from app.web.http.origin import is_foreign

CSRF_HEADER = "X-CSRF-Token"
_READING = ("GET", "HEAD", "OPTIONS")
_MAX_SECRET = 200  # Characters.


async def caller() -> Principal:
    """Who makes the present call, counted against their limit. Raises Unauthenticated, InvalidRequest, Forbidden,
    RateLimited or Unavailable."""
    return await admit_call(services(), current_call())


async def watcher() -> Principal:
    """As `caller`, for streams and websockets, where a ticket in the URL may stand for the token."""
    return await admit_call(services(), current_call(), tickets=True)


async def admit_call(hub: Services, call: Call, *, tickets: bool = False, cookies: bool = True) -> Principal:
    """What comes before all else for a call: who makes it, and whether they call too often. Raises as `caller`.

    Without `cookies` none counts: for what any page of the web can send with a form."""
    who = call.who = await identify(hub, call, tickets=tickets, cookies=cookies)
    charge(hub, call, who, 1)
    return who


async def admit_form(hub: Services, call: Call) -> Principal:
    """As `admit_call`, for a form whose token was checked."""
    who = call.who = await identify(hub, call, form=True)
    charge(hub, call, who, 1)
    return who


def charge(hub: Services, call: Call, who: Principal, cost: int) -> None:
    """Count what a call costs, in calls. Raises RateLimited where that is too much, and counts nothing then."""
    if cost > 0:
        call.allowance = hub.limits.count(who, call.address, cost)
        if call.allowance is not None and not call.allowance.allowed:
            raise refusal(call.allowance)


async def identify(
    hub: Services, call: Call, *, tickets: bool = False, cookies: bool = True, form: bool = False
) -> Principal:
    """Whose credential the call presents: a ticket where `tickets` count, else a token, else a session's cookie;
    ANONYMOUS without any, and FOREIGN where that is the call of another site's page. With `form` the caller checks the
    token of the form; else a cookie that changes something needs it in a header."""
    ticket = call.argument("ticket") if tickets else None
    if ticket is not None:
        _check_length(ticket, "ticket")
        if call.method == "HEAD":
            raise InvalidRequest("A ticket is for one GET, and HEAD would use it up.", field="ticket")
        async with hub.limits.throttle_login(call.address):
            return await redeem_ticket(hub.db, ticket)
    authorization = call.single_header("Authorization")
    if authorization is None:
        return await _without_token(hub, call, cookies=cookies, form=form)
    scheme, _, secret = authorization.partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret:
        raise Unauthenticated("Send the token as 'Authorization: Bearer tw_…'.", field="Authorization")
    _check_length(secret, "Authorization")
    # The secret itself is kept nowhere, not even as a cache's key.
    return await _looked_up(hub, call, (CredentialKind.TOKEN, digest(secret)))


async def _looked_up(hub: Services, call: Call, presented: Presented) -> Principal:
    known = hub.identities.known(presented)
    if known is not None:
        return known
    async with hub.limits.throttle_login(call.address):
        return await hub.identities.get(presented)


async def _without_token(hub: Services, call: Call, *, cookies: bool, form: bool) -> Principal:
    origin = call.header("Origin")
    foreign = origin is not None and is_foreign(hub.settings, call, origin)
    secret = session_cookie.presented(hub.settings, call) if cookies else None
    if secret is None:
        return FOREIGN if foreign else ANONYMOUS
    if foreign:
        raise Forbidden("A page of another site may not use your session here.", field="Origin")
    if call.method not in _READING and not form:
        sent = call.header(CSRF_HEADER) or ""
        if not hmac.compare_digest(sent.encode(), session_cookie.csrf_token(hub.settings, secret).encode()):
            raise Forbidden(f"A change by a session's cookie needs the header {CSRF_HEADER}.", field=CSRF_HEADER)
    return await _looked_up(hub, call, (CredentialKind.SESSION, digest(secret)))


def _check_length(secret: str, field: str) -> None:
    if len(secret) > _MAX_SECRET:
        raise InvalidRequest(f"{field} is longer than any that this hub issues.", field=field)
