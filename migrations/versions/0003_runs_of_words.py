"""Words are indexed by runs of updates, after the commits: an index of each update was half of a publish's cost.

The index is empty at first. The hub fills it while it runs, and a search scans the updates that are not indexed yet.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Letters for Python and so for the hub, but separators for FTS5.
LETTERS = "".join(chr(code) for code in (*range(0x19B0, 0x19C1), 0x19C8, 0x19C9, 0x1CF2, 0x1CF3))
# As in 0001: no copy of the texts, 40 bits of the first seq under the channel's id, a trigger that has the old words.
SQLITE_SEARCH = (
    f"""CREATE VIRTUAL TABLE word_runs_search
        USING fts5(words, content='', tokenize="unicode61 remove_diacritics 0 tokenchars '{LETTERS}'")""",
    """CREATE TRIGGER word_runs_insert AFTER INSERT ON word_runs BEGIN
         INSERT INTO word_runs_search(rowid, words) VALUES ((new.channel_id << 40) | new.first_seq, new.words);
       END""",
    """CREATE TRIGGER word_runs_delete AFTER DELETE ON word_runs BEGIN
         INSERT INTO word_runs_search(word_runs_search, rowid, words)
         VALUES ('delete', (old.channel_id << 40) | old.first_seq, old.words);
       END""",
)
SQLITE_SEARCH_BEFORE = (
    "CREATE VIRTUAL TABLE updates_words USING fts5(words, content='', tokenize='unicode61 remove_diacritics 0')",
    """INSERT INTO updates_words(rowid, words)
       SELECT (channel_id << 40) | seq, words FROM updates WHERE words IS NOT NULL""",
    """CREATE TRIGGER updates_words_insert AFTER INSERT ON updates WHEN new.words IS NOT NULL BEGIN
         INSERT INTO updates_words(rowid, words) VALUES ((new.channel_id << 40) | new.seq, new.words);
       END""",
    """CREATE TRIGGER updates_words_delete AFTER DELETE ON updates WHEN old.words IS NOT NULL BEGIN
         INSERT INTO updates_words(updates_words, rowid, words)
         VALUES ('delete', (old.channel_id << 40) | old.seq, old.words);
       END""",
)


def upgrade() -> None:
    on_sqlite = op.get_context().dialect.name == "sqlite"
    op.create_table(
        "word_runs",
        sa.Column(
            "channel_id",
            BIG,
            *([sa.ForeignKey("channels.id", ondelete="CASCADE")] if on_sqlite else []),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("first_seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
    )
    if on_sqlite:
        for dropped in ("TRIGGER updates_words_insert", "TRIGGER updates_words_delete", "TABLE updates_words"):
            op.execute(f"DROP {dropped}")
        for statement in SQLITE_SEARCH:
            op.execute(statement)
    else:
        op.execute("DROP INDEX updates_words")
        op.execute("CREATE INDEX word_runs_words ON word_runs USING gin (string_to_array(words, ' '))")


def downgrade() -> None:
    op.execute("DROP TABLE word_runs")  # With its triggers.
    if op.get_context().dialect.name == "sqlite":
        op.execute("DROP TABLE word_runs_search")
        for statement in SQLITE_SEARCH_BEFORE:
            op.execute(statement)
    else:
        op.execute("CREATE INDEX updates_words ON updates USING gin (string_to_array(words, ' '))")
