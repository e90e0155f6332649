"""The first start: one link, one administrator, whatever races."""

import asyncio

import pytest
from sqlalchemy import text, update

from app.actions.first_start import offer_setup
from app.store.tables import LINKS
from tests.support.browsing import PASSWORD, Browsing
from tests.support.hub import Answered, ServedHub

WHO = {"name": "ana", "email": "Ana@Example.org", "password": PASSWORD}


async def link(hub: ServedHub) -> str:
    """A new setup link; that of the hub's start is no longer valid then."""
    async with hub.services.db.transaction() as tx:
        await tx.execute(update(LINKS).values(created_at=0))
    secret = await offer_setup(hub.services.db)
    assert secret is not None
    return f"/setup/{secret}"


async def finish(hub: ServedHub, path: str, **fields: str) -> Answered:
    browsing = Browsing(hub)
    opened = await browsing.open(path)
    assert (opened.status, opened.headers["Location"]) == (303, "/setup")
    return await browsing.send("/setup", "/setup", {**WHO, **fields})


async def test_the_link_makes_its_user_the_administrator_once(hub: ServedHub) -> None:
    path = await link(hub)
    browsing = Browsing(hub)
    await browsing.open(path)
    done = await browsing.send("/setup", "/setup", WHO)
    account = await browsing.open("/account")
    again = await Browsing(hub).open(path)

    assert (done.status, done.headers["Location"]) == (303, "/")
    assert b"ana@example.org \xc2\xb7 administrator" in account.body
    assert again.status == 404
    assert await offer_setup(hub.services.db) is None


async def test_of_two_that_use_it_at_once_one_becomes_a_user(hub: ServedHub) -> None:
    path = await link(hub)
    answers = await asyncio.gather(
        *(finish(hub, path, name=f"user{n}", email=f"user{n}@example.org") for n in range(4))
    )
    async with hub.services.db.reading() as tx:
        users = (await tx.execute(text("SELECT count(*) FROM users"))).scalar_one()

    assert sorted(each.status for each in answers) == [303, 404, 404, 404]
    assert users == 1


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "no name", "A user&#39;s name is 1 to 40 letters"),
        ("email", "nowhere", "An email address looks like"),
        ("password", "short", "A password has 12 to 1000 characters."),
        ("password", "password1234", "among the most common ones"),
        ("password", "tidewire-ana", "little more than your name"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(
    hub_sqlite: ServedHub, field: str, value: str, says: str
) -> None:
    answer = await finish(hub_sqlite, await link(hub_sqlite), **{field: value})
    page = answer.body.decode()

    assert answer.status == 400
    assert says in page and f'id="{field}-error"' in page and f'aria-describedby="{field}-error' in page
    assert (f'value="{value}"' in page) == (field != "password")
    assert PASSWORD not in page


async def test_a_link_that_is_old_guessed_or_of_an_earlier_start_opens_nothing(hub_sqlite: ServedHub) -> None:
    earlier, newest = await link(hub_sqlite), await link(hub_sqlite)
    async with hub_sqlite.services.db.transaction() as tx:
        await tx.execute(update(LINKS).values(expires_at=0))

    for path in (earlier, newest, "/setup/guess", f"/setup/{'x' * 5000}"):
        assert (await Browsing(hub_sqlite).open(path)).status == 404, path
    assert (await Browsing(hub_sqlite).open("/setup")).status == 400


async def test_workers_of_one_start_make_one_link(hub_sqlite: ServedHub) -> None:
    """The hub's own start has just made one."""
    assert await offer_setup(hub_sqlite.services.db) is None


async def test_a_user_of_the_command_line_makes_the_link_useless(hub_sqlite: ServedHub) -> None:
    path = await link(hub_sqlite)
    await hub_sqlite.user("ben")

    assert (await Browsing(hub_sqlite).open(path)).status == 404
