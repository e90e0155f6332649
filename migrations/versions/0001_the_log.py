"""The log: channels, updates and their search index; and access: users, members, tokens, tickets."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.String(80).with_variant(sa.String(80, collation="C"), "postgresql")

# SQLite's full-text index keeps no copy of the texts (contentless), so its rowid identifies the update: 40 bits of seq
# below the channel's id. Deleting from such an index needs the old words, which a trigger has.
SQLITE_SEARCH = (
    "CREATE VIRTUAL TABLE updates_words USING fts5(words, content='', tokenize='unicode61 remove_diacritics 0')",
    """CREATE TRIGGER updates_words_insert AFTER INSERT ON updates WHEN new.words IS NOT NULL BEGIN
         INSERT INTO updates_words(rowid, words) VALUES ((new.channel_id << 40) | new.seq, new.words);
       END""",
    """CREATE TRIGGER updates_words_delete AFTER DELETE ON updates WHEN old.words IS NOT NULL BEGIN
         INSERT INTO updates_words(updates_words, rowid, words)
         VALUES ('delete', (old.channel_id << 40) | old.seq, old.words);
       END""",
)


def upgrade() -> None:
    op.create_table(
        "channels",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("slug", NAME, nullable=False, unique=True),
        sa.Column("title", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("visibility", sa.String(16), nullable=False),
        sa.Column("publishing", sa.String(16), nullable=False),
        sa.Column("epoch", sa.String(32), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger()),
        sa.Column("retention_days", sa.Integer()),
        sa.Column("retention_updates", sa.Integer()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        # A deleted channel's id must not be reused: feeds and the search index are keyed by it.
        sqlite_autoincrement=True,
    )
    op.create_table(
        "updates",
        sa.Column(
            "channel_id", BIG, sa.ForeignKey("channels.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
        ),
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("update_id", sa.String(36), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text()),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("key", NAME),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("words", sa.Text()),
        sa.Column("idempotency_key", sa.Text()),
        sa.Column("idempotency_digest", sa.String(64)),
        sa.Column("idempotency_count", sa.Integer()),
    )
    keyed, idempotent = sa.text("key IS NOT NULL"), sa.text("idempotency_key IS NOT NULL")
    op.create_index("updates_key", "updates", ["channel_id", "key", "seq"], postgresql_where=keyed, sqlite_where=keyed)
    op.create_index(
        "updates_idempotency",
        "updates",
        ["channel_id", "idempotency_key"],
        unique=True,
        postgresql_where=idempotent,
        sqlite_where=idempotent,
    )
    op.create_table(
        "update_tags",
        sa.Column(
            "channel_id", BIG, sa.ForeignKey("channels.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
        ),
        sa.Column("tag", NAME, primary_key=True),
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
    )
    op.create_index("update_tags_seq", "update_tags", ["channel_id", "seq"])
    create_users()
    if op.get_context().dialect.name == "sqlite":
        for statement in SQLITE_SEARCH:
            op.execute(statement)
    else:
        op.execute("CREATE INDEX updates_words ON updates USING gin (to_tsvector('simple'::regconfig, words))")


def create_users() -> None:
    """The tables of users and their access."""
    op.create_table(
        "users",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("name", NAME, nullable=False, unique=True),
        sa.Column("email", sa.Text(), nullable=False, unique=True),
        sa.Column("password_hash", sa.Text()),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "members",
        sa.Column(
            "channel_id", BIG, sa.ForeignKey("channels.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
        ),
        sa.Column("user_id", BIG, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
        sa.Column("role", sa.Integer(), nullable=False),
    )
    op.create_index("ix_members_user_id", "members", ["user_id"])
    op.create_table(
        "tokens",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("prefix", sa.String(16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("user_id", BIG, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("channel_id", BIG, sa.ForeignKey("channels.id", ondelete="CASCADE")),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tokens_user_id", "tokens", ["user_id"])
    op.create_index("ix_tokens_channel_id", "tokens", ["channel_id"])
    op.create_table(
        "tickets",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("token_id", BIG, sa.ForeignKey("tokens.id", ondelete="CASCADE"), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_tickets_expires_at", "tickets", ["expires_at"])


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        op.execute("DROP TABLE updates_words")
    for table in ("tickets", "tokens", "members", "users", "update_tags", "updates", "channels"):
        op.drop_table(table)
