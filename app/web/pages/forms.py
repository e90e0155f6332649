"""Forms of the pages: whole without JavaScript, an error beside its field, and a token that no other site knows."""

import hmac
import secrets
from typing import Any

from quart import g, request, session
from wtforms import Field, Form, HiddenField

from app.errors import Forbidden, InvalidRequest, Refusal, TooLarge
from app.model.access import ANONYMOUS, Principal
from app.web.http import session_cookie
from app.web.http.context import current_call, services
from app.web.http.identity import admit_form, charge

_MOST_BYTES = 32 * 1024  # Of a form: Quart parses it on the event loop.
_WITHOUT_LENGTH = frozenset((b"transfer-encoding",))
_BROWSER = "form"  # In Quart's own session: what the forms of a browser without a session are bound to.


class TokenForm(Form):
    """A form with the token of the session that it was made for."""

    csrf_token = HiddenField()

    def refuse(self, refusal: Refusal) -> None:
        """Show why an action refused it: beside the field that it names, else above all."""
        field: Field | None = self._fields.get(refusal.field or "")
        if field is None:
            self.form_errors.append(refusal.message)
        else:
            field.errors = [*field.errors, refusal.message]


async def posted[F: TokenForm](kind: type[F]) -> tuple[Principal, F]:
    """Who posts this form, and what they typed. Raises Forbidden where it is not a form of the caller's session, beside
    what `caller` raises."""
    g.answers_page = True
    call = current_call()
    charge(services(), call, ANONYMOUS, 1)  # Before anything is parsed, whatever comes of it.
    if call.content_length > _MOST_BYTES or call.has_header(_WITHOUT_LENGTH):
        raise TooLarge(f"A form has at most {_MOST_BYTES // 1024} KiB, and is sent with its length.")
    form = kind(await request.form)
    if not hmac.compare_digest((form.csrf_token.data or "").encode(), form_token().encode()):
        raise Forbidden("This form was made for another session, or its page is old: open the page again.")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("A page of another site may not send this form.")
    who = await admit_form(services(), call)
    if who.is_foreign:
        raise Forbidden("A page of another site may not send this form.", field="Origin")
    return who, form


def form_token() -> str:
    """The token for a form on the present page."""
    settings, call = services().settings, current_call()
    secret = session_cookie.presented(settings, call)
    if secret is None:
        secret = session.get(_BROWSER)
        if not isinstance(secret, str):
            secret = session[_BROWSER] = secrets.token_urlsafe(16)
    return session_cookie.csrf_token(settings, secret)


def text_of(form: Any, name: str, most: int) -> str:
    """A field's text, without the spaces around it. Raises InvalidRequest for what no field of ours takes."""
    text = (form[name].data or "").strip()
    if len(text) > most or "\0" in text:
        raise InvalidRequest(f"At most {most} characters, none of them U+0000.", field=name)
    return text
