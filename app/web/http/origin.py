"""Where a browser's call comes from. Browsers send `Origin` with every websocket and every POST; scripts send none."""

from urllib.parse import urlsplit

from app.config import Settings
from app.web.http.call import Call


def is_foreign(settings: Settings, call: Call, origin: str) -> bool:
    """Does a call with this `Origin` come from a page of another site, which TIDEWIRE_ALLOWED_ORIGINS does not name?
    The scheme of a page of the hub's own is not compared: a proxy may have ended TLS."""
    if origin in settings.allowed_origins:
        return False
    site = origin.partition("://")[2].lower()
    own = [call.header("Host"), settings.public_url and urlsplit(settings.public_url).netloc]
    return not site or site not in [host.lower() for host in own if host]
