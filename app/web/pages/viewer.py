"""Who looks at a page: what every template knows of them."""

from typing import cast
from urllib.parse import quote, urlsplit

from quart import Quart, Response, abort, g, redirect, request, url_for

from app.errors import Refusal
from app.model.access import CredentialKind, Principal
from app.web.http import session_cookie
from app.web.http.context import current_call, services
from app.web.http.identity import caller, identify
from app.web.pages.forms import form_token


def install(app: Quart) -> None:
    """Give the templates `viewer()`, the name of who is signed in or None, and `form_token()`."""

    @app.context_processor
    async def names() -> dict[str, object]:  # Quart runs sync ones in a thread each.
        return {"viewer": viewer, "form_token": form_token}


async def viewer() -> str | None:
    """Who is signed in, also on the page of an error, whatever that is. The page varies by the cookie then."""
    g.varies_by_cookie = True
    call = current_call()
    try:
        if call.who is None and session_cookie.presented(services().settings, call) is not None:
            call.who = await identify(services(), call, form=True)
    except Refusal:
        return None
    return call.who.user if call.who is not None and _is_signed_in(call.who) else None


async def signed_in() -> Principal:
    """Who is signed in. Everybody else is sent to the page that signs them in, and back from there."""
    who = current_call().who or await caller()  # A form's caller is known.
    if not _is_signed_in(who):
        abort(to_sign_in())
    return who


def _is_signed_in(who: Principal) -> bool:
    return who.credential is not None and who.credential.kind is CredentialKind.SESSION


def to_sign_in() -> Response:
    """To the page that signs in, and from there back here."""
    path = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return cast(Response, redirect(url_for("tidewire_sign_in.show", next=path), 303))  # Of Quart's class, at run time.


def own_path(given: str | None) -> str:
    """Where a sign-in leads: a path of this hub as it was given, else the first page.

    A browser takes `//` and `/\\` for another host."""
    path = given or "/"
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    parts = urlsplit(path) if is_own else None
    if parts is None or parts.netloc or parts.scheme or len(path) > 500:
        return f"{request.root_path}/"
    return request.root_path + quote(parts.path, safe="/@:-._~!$&'()*+,;=") + (f"?{parts.query}" if parts.query else "")
