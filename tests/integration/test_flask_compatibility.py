"""Flask's features work: a blueprint given to the factory, another named by a setting, and all that a view may use."""

import dataclasses
from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from quart import Blueprint, Quart
from quart import typing as quart_typing
from werkzeug.datastructures import FileStorage

from app import create_app
from app.config import ConfigError, Settings
from tests.support.guestbook import guestbook

type Client = quart_typing.TestClientProtocol


@pytest.fixture
async def app(settings_sqlite: Settings) -> AsyncIterator[Quart]:
    named = dataclasses.replace(settings_sqlite, blueprints=("tests.support.guestbook:other",))
    app = create_app(named, blueprints=[guestbook])
    # As the hub runs: with TESTING on, Quart would hand an error of a view to the test instead of answering it.
    app.config["PROPAGATE_EXCEPTIONS"] = False
    async with app.test_app():
        yield app


@pytest.fixture
def client(app: Quart) -> Client:
    return app.test_client()


async def test_sync_views_run_on_a_thread_and_async_ones_on_the_loop(client: Client) -> None:
    sync = await client.get("/guestbook/sync?q=1&q=2")
    on_the_loop = await client.get("/guestbook/async")

    assert await sync.get_json() == {"on_the_loop": False, "q": ["1", "2"]}
    assert await on_the_loop.get_json() == {"on_the_loop": True}


async def test_g_and_the_functions_around_a_request_work(app: Quart, client: Client) -> None:
    answer = await client.get("/guestbook/sync")

    assert answer.headers["X-Steps"] == "before view"
    assert answer.headers["X-Request-ID"]
    assert app.config["ENDED"] == 1


async def test_a_page_extends_the_layout_and_uses_filters_converters_and_url_for(client: Client) -> None:
    answer = await client.get("/guestbook/page/41/a/b")
    page = await answer.get_data(as_text=True)

    assert answer.status_code == 200
    assert "<title>GUESTS!</title>" in page and "<p>42 a/b / &lt;b&gt;</p>" in page and "Skip to the content" in page
    assert (await client.get("/guestbook/page/x/a")).status_code == 404


async def test_url_for_reaches_across_blueprints_and_to_static_files(app: Quart, client: Client) -> None:
    answer = await client.get("/other/")

    assert await answer.get_data(as_text=True) == "/guestbook/page/7/a/b?lang=en"
    async with app.test_request_context("/"):
        assert app.url_for("static", filename="js/time.js") == "/static/js/time.js"


async def test_forms_files_session_flash_and_a_redirect(client: Client) -> None:
    signed = await client.post(
        "/guestbook/sign",
        form={"name": "Ana"},
        files={"picture": FileStorage(BytesIO(b"12345"), filename="me.png")},
    )
    first, second = [await (await client.get(signed.headers["Location"])).get_json() for _ in range(2)]

    assert (signed.status_code, signed.headers["Location"]) == (302, "/guestbook/signed")
    assert first == {"name": "Ana", "sizes": {"picture": 5}, "flashed": [["thanks", "Thank you, Ana"]]}
    assert second == {"name": "Ana", "sizes": {"picture": 5}, "flashed": []}


async def test_json_in_and_a_dict_out(client: Client) -> None:
    answer = await client.post("/guestbook/echo", json={"deep": [1, None]})

    assert await answer.get_json() == {"given": {"deep": [1, None]}, "type": "application/json"}


async def test_error_handlers_of_a_blueprint_answer_and_the_hub_answers_the_rest(client: Client) -> None:
    ink = await client.get("/guestbook/ink")
    absent = await client.get("/guestbook/absent")
    broken = await client.get("/guestbook/broken")

    assert (ink.status_code, await ink.get_json()) == (418, {"sorry": "no ink left"})
    assert (absent.status_code, await absent.get_data(as_text=True)) == (404, "nothing, in my own words")
    assert broken.status_code == 500
    assert "secret" not in await broken.get_data(as_text=True)


async def test_click_commands_of_a_blueprint_and_of_the_app(app: Quart) -> None:
    @app.cli.command("hello")
    def hello() -> None:
        print(f"hello from {app.name}")

    runner = app.test_cli_runner()
    counted = runner.invoke(args=["guestbook", "count", "--start", "4"])
    greeted = runner.invoke(args=["hello"])

    assert (counted.exit_code, counted.output) == (0, "5 visitors\n")
    assert (greeted.exit_code, greeted.output) == (0, "hello from app\n")


async def test_the_hub_works_beside_a_blueprint(client: Client) -> None:
    published = await client.post("/lobby", data=b"hello")
    channel = await client.get("/api/v1/channels/lobby")

    assert (published.status_code, (await channel.get_json())["last_seq"]) == (201, 1)


async def test_two_applications_in_one_process_share_nothing(
    app: Quart, client: Client, settings_sqlite: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("second")
    database_url = f"sqlite+aiosqlite:///{path / 'tidewire.db'}"
    mine = Blueprint("mine", __name__)

    @mine.get("/mine/here")
    def here() -> str:
        return "here"

    second = create_app(
        dataclasses.replace(settings_sqlite, database_url=database_url, data_dir=path), blueprints=[mine]
    )
    async with second.test_app():
        theirs = second.test_client()
        await client.post("/lobby", data=b"to the first alone")
        seqs = [(await (await one.get("/api/v1/channels/lobby")).get_json())["last_seq"] for one in (client, theirs)]
        statuses = [
            (await one.get(path)).status_code for path in ("/mine/here", "/guestbook/sync") for one in (client, theirs)
        ]

    assert seqs == [1, 0]
    assert statuses == [404, 200, 200, 404]
    assert app.extensions["tidewire"] is not second.extensions["tidewire"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("tests.support.guestbook", "must be module:name"),
        ("tests.support.nothing:blueprint", "can't be imported"),
        ("tests.support.guestbook:missing", "is not there"),
        ("tests.support.guestbook:OutOfInk", "must be a quart.Blueprint"),
    ],
)
def test_an_invalid_blueprint_is_refused_by_name_at_the_start(
    settings_sqlite: Settings, path: str, reason: str
) -> None:
    with pytest.raises(ConfigError, match=f"TIDEWIRE_BLUEPRINTS.*{path}.*{reason}"):
        create_app(dataclasses.replace(settings_sqlite, blueprints=(path,)))
