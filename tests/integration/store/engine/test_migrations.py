"""What a migration makes of the rows that it finds."""

import json
from collections.abc import AsyncIterator

import pytest
from alembic import command
from sqlalchemy import text

from app.config import Settings
from app.model.access import Role
from app.model.draft import parse_submission
from app.model.session import NewSession
from app.store import members, sessions, tokens, users
from app.store.engine import schema
from app.store.engine.database import Database
from tests.support.older_schema import downgrade, migrate


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    """A database without a schema, on each of the two."""
    database = Database(settings)
    yield database
    await database.close()


async def test_words_that_were_stored_without_their_marks_are_read_again(db: Database) -> None:
    """A log of many rows, so that they are read in several parts, and one with nothing but ASCII."""
    await schema.upgrade(db)
    rows = [
        {"channel": 7 + seq % 2, "seq": seq, "fields": json.dumps(draft, ensure_ascii=False), "words": words}
        for seq, (draft, words) in enumerate(
            [
                ({"body": "हिन्दी", "tags": ["cafe\u0301"], "data": "\u0301"}, "ह न द cafe"),
                ({"title": "Größe", "body": "x\u2028" + "é" * 300}, "größe x " + "é" * 200),
                ({"value": 1, "data": "é"}, None),
                *[({"body": f"“{seq}” मुझे"}, f"{seq} म झ") for seq in range(1100)],
                ({"body": "plain ascii"}, "as it was"),
            ],
            1,
        )
    ]
    async with db.transaction() as tx:
        await downgrade(tx, "0003", first=1, last=len(rows))
        other = "SELECT 8, 'other', visibility, publishing, epoch, first_seq, last_seq, created_at FROM channels"
        third = "SELECT 9, 'third', visibility, publishing, epoch, first_seq, last_seq, created_at FROM channels"
        into = "INSERT INTO channels (id, slug, visibility, publishing, epoch, first_seq, last_seq, created_at)"
        await tx.execute(text(f"{into} {other}"))
        await tx.execute(text(f"{into} {third} WHERE id = 7"))
        await tx.execute(
            text(
                "INSERT INTO updates (channel_id, seq, update_id, at, level, gone, fields, words)"
                " VALUES (:channel, :seq, 'a', 0, 'info', false, :fields, :words)"
            ),
            [*rows, {"channel": 9, "seq": 1, "fields": '{"body":"é"}', "words": "é"}],
        )
        await tx.execute(text("INSERT INTO word_runs VALUES (7, 1, 64, 'ह'), (8, 1, 64, 'x'), (9, 1, 64, 'é')"))
    await schema.upgrade(db)
    async with db.reading() as tx:
        words = (await tx.execute(text("SELECT words FROM updates WHERE channel_id < 9 ORDER BY seq"))).scalars().all()
        indexed = (await tx.execute(text("SELECT channel_id FROM word_runs"))).scalars().all()

    drafts = [parse_submission(str(row["fields"]).encode())[0].drafts[0] for row in rows[:-1]]
    assert words == [*(draft.words for draft in drafts), "as it was"]
    assert words[0] == "हिन्दी café"
    assert indexed == [9]


async def test_users_and_tokens_of_before_are_kept_and_count_and_a_downgrade_leaves_them(db: Database) -> None:
    await schema.upgrade(db)
    async with db.transaction() as tx:
        await downgrade(tx, "0004", first=1, last=0)
        for statement in (
            "INSERT INTO users (id, name, email, is_admin, created_at) VALUES (3, 'ana', 'a@example.org', true, 0)",
            "INSERT INTO members VALUES (7, 3, 3)",
            "INSERT INTO tokens (id, digest, prefix, name, user_id, scopes, created_at)"
            " VALUES (5, 'd', 'tw_abc', 'bot', 3, 'publish read', 0)",
            "INSERT INTO tickets (digest, token_id, expires_at) VALUES ('t', 5, 9000000000000)",
        ):
            await tx.execute(text(statement))
    await schema.upgrade(db)
    async with db.transaction() as tx:
        found = await tokens.principal(tx, "d", 1)
        ana, password_hash = await users.find_to_sign_in(tx, "A@Example.org")
        tickets = (await tx.execute(text("SELECT count(*) FROM tickets"))).scalar_one()
        role = await members.role(tx, 7, 3)
        await sessions.add(tx, NewSession(3, "", "", False), "s", 1)
        await tx.run_sync(lambda connection: migrate(connection, command.downgrade, "0004"))
        kept = (await tx.execute(text("SELECT name FROM tokens"))).scalars().all()
    await schema.upgrade(db)

    assert found is not None and (found[0].user, found[0].is_admin, found[1]) == ("ana", True, 0)
    assert ana is not None and (ana.name, password_hash, role, tickets) == ("ana", None, Role.OWNER, 0)
    assert kept == ["bot"]
