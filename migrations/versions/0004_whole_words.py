"""Words keep their combining marks, and are the same in every case and form: stored words are read again.

Only rows that hold more than ASCII can differ. The index of a channel with such rows is dropped; the hub fills it again
while it runs, and until then a search scans the updates, as after 0003.
"""

import re
from unicodedata import category, normalize

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ROWS = 500  # In memory at once: each is up to 64 KiB.
BYTES = {"postgresql": "octet_length(fields)", "sqlite": "length(CAST(fields AS BLOB))"}
OTHERS = re.compile(r"[^\w\x00-\x7f]")
MARKED_WORD = re.compile(r"[^\W_][^\x00-/:-@\[-`{-\x7f]*")
IGNORED = re.compile("[\u034f\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")


class Texts(msgspec.Struct):
    """The fields of an update that are searched."""

    title: str | None = None
    body: str | None = None
    key: str | None = None
    status: str | None = None
    tags: tuple[str, ...] = ()


def upgrade() -> None:
    connection = op.get_bind()
    following = sa.text(f"""
        SELECT channel_id, seq, fields, words FROM updates
        WHERE (channel_id, seq) > (:channel, :seq) AND length(fields) <> {BYTES[connection.dialect.name]}
        ORDER BY channel_id, seq LIMIT {ROWS}
    """)
    change = sa.text("UPDATE updates SET words = :words WHERE channel_id = :channel AND seq = :seq")
    position = {"channel": 0, "seq": 0}
    changed: set[int] = set()
    while rows := connection.execute(following, position).all():
        position = {"channel": rows[-1].channel_id, "seq": rows[-1].seq}
        found = [
            {"channel": row.channel_id, "seq": row.seq, "words": words}
            for row in rows
            if (words := words_of(row.fields)) != row.words
        ]
        if found:
            connection.execute(change, found)
            changed |= {each["channel"] for each in found}
    for channel in changed:
        connection.execute(sa.text("DELETE FROM word_runs WHERE channel_id = :channel"), {"channel": channel})


def downgrade() -> None:
    """The words stay: an older hub finds them too, except those with marks."""


def words_of(fields: str) -> str | None:
    """The words of an update as this revision's hub stores them."""
    texts = msgspec.json.decode(fields, type=Texts)
    whole = " ".join(each for each in (texts.title, texts.body, texts.key, texts.status, *texts.tags) if each)
    marked = MARKED_WORD.findall(OTHERS.sub(lambda found: in_word(found[0]), folded(whole)))
    return " ".join(word[:200] for word in normalize("NFC", " ".join(marked)).split()) or None


def folded(text: str) -> str:
    twice = normalize("NFKC", normalize("NFKC", normalize("NFD", text).casefold()).casefold())
    return twice.replace("i\u0307", "i")


def in_word(other: str) -> str:
    kind = category(other)
    if kind == "Me" or (kind == "Cf" and other != "\u200b") or IGNORED.match(other):
        return ""
    return other if kind in ("Mn", "Mc") else " "
