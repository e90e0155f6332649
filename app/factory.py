"""The factory: joins every face, job and service of a hub into one Quart application."""

import logging
import sys
from collections.abc import AsyncGenerator, Sequence
from functools import partial

from hypercorn.middleware import ProxyFixMiddleware
from quart import Blueprint, Quart

from app.actions.first_start import offer_setup
from app.config import ConfigError, Settings, tree
from app.jobs.reconcile import poll_presence, reconcile
from app.jobs.retention import retain
from app.jobs.uses import record_uses
from app.jobs.words import index_words
from app.server.process import OwnProcess, StartRefused
from app.services import open_services
from app.web.api import channels, health, me, reference, stream, text_publish, tickets, updates
from app.web.api import members as members_api
from app.web.asgi import mounts
from app.web.asgi.access_log import AccessLog
from app.web.asgi.fast_handshake import FastHandshake
from app.web.asgi.fast_publish import FastPublish
from app.web.asgi.handshake import HandshakeConnection
from app.web.asgi.inbound import BoundedWebsocket
from app.web.asgi.supervisor import Supervisor
from app.web.asgi.testing import RequestConnection
from app.web.http import errors, headers, session_cookie, sessions
from app.web.http.context import EXTENSION
from app.web.pages import assets, channel_settings, invite, members, new_channel, site, viewer
from app.web.pages import channel as pages
from app.web.pages.account import account, sign_in, tokens
from app.web.pages.admin import users
from app.web.socket import view as socket

log = logging.getLogger("tidewire")
_API = (health, channels, members_api, updates, me, tickets, stream, socket, reference)
_PAGES = (assets, sign_in, account, tokens, new_channel, channel_settings, members, invite, users)


def create_app(settings: Settings | None = None, *, blueprints: Sequence[Blueprint] = ()) -> Quart:
    """As `app.create_app`, which is its public name."""
    if settings is not None:
        return _join(settings, blueprints, owns_process=False)
    try:
        return _join(Settings.load(), blueprints, owns_process=True)
    except ConfigError as error:
        raise StartRefused(str(error)) from None


def _join(settings: Settings, blueprints: Sequence[Blueprint], *, owns_process: bool) -> Quart:
    if sys.platform == "win32":
        raise ConfigError("A hub does not run on Windows; use WSL 2 or the container image.")
    app = Quart("app", template_folder=str(tree("frontend") / "templates"), static_folder=None)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SECRET_KEY_FALLBACKS=list(settings.secret_key_fallbacks),
        TESTING=settings.env == "testing",
        TEMPLATES_AUTO_RELOAD=settings.env == "development",
        MAX_CONTENT_LENGTH=settings.max_request_bytes,
        BODY_TIMEOUT=settings.query_timeout,
        APPLICATION_ROOT=settings.prefix or "/",  # And the path of the session's cookie.
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.websocket_class = BoundedWebsocket
    app.asgi_http_class = RequestConnection
    app.asgi_websocket_class = HandshakeConnection
    sessions.install(app)
    headers.install(app, settings)
    session_cookie.install(app, settings)
    viewer.install(app)
    errors.install(app, show_traces=settings.env == "development")
    # Made here, they distinguish the hub's own hooks from those that are added later.
    app.asgi_app = FastHandshake(app)  # type: ignore[method-assign]
    app.asgi_app = FastPublish(app)  # type: ignore[method-assign]
    for own in (*_API, *_PAGES):
        app.register_blueprint(own.blueprint)
    assets.install(app, with_digest=settings.env == "production")  # In development the files change while it runs.
    # Your blueprints are registered before the pages that match every /SLUG; the router prefers fixed words anyway.
    for blueprint in (*blueprints, *mounts.load_all(settings.blueprints, Blueprint)):
        mounts.register(app, blueprint)
    app.register_blueprint(site.blueprint)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(text_publish.blueprint)
    app.asgi_app = mounts.beside(app.asgi_app, settings)  # type: ignore[method-assign, assignment]
    notices: list[str] = []  # What the process says once it is up.
    if owns_process:
        app.asgi_app = OwnProcess(app.asgi_app, settings, app.name, notices)  # type: ignore[method-assign]
    app.asgi_app = supervisor = Supervisor(app, settings)  # type: ignore[method-assign]
    if settings.access_log:
        app.asgi_app = AccessLog(app.asgi_app)  # type: ignore[method-assign]
    if settings.trusted_proxies:
        app.asgi_app = ProxyFixMiddleware(app.asgi_app, trusted_hops=settings.trusted_proxies)  # type: ignore[method-assign]

    @app.while_serving
    async def serve() -> AsyncGenerator[None]:
        async with open_services(settings) as services:
            app.extensions[EXTENSION] = services
            for job in (reconcile, poll_presence, retain, index_words, record_uses):
                services.tasks.keep(partial(job, services), job.__name__)
            services.tasks.keep(services.connections.check_all, "connections: check")
            if not settings.rate_limits:
                log.warning("Rate limits are off (TIDEWIRE_RATE_LIMITS): for load tests only")
            supervisor.log_form()
            secret = await offer_setup(services.db)
            notices[:] = [f"/setup/{secret}"] if secret is not None else []
            yield
            await services.connections.shut_down()

    return app
