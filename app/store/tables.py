"""The current tables. `migrations/` holds their history, and a test compares the two."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    func,
    literal_column,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite assigns ids only in a column of the type INTEGER.
BigKey = BigInteger().with_variant(Integer(), "sqlite")
# Compared byte by byte, as SQLite does, so that both databases order slugs and keys alike.
Name = String(80).with_variant(String(80, collation="C"), "postgresql")


def _of_a_channel() -> ForeignKeyConstraint:
    """The foreign key to the channel, on SQLite only.

    PostgreSQL would check each row of a log by a query of its own, a fifth of what a publish costs there. On both
    databases the channel is locked in the same transaction, and `channels.remove` removes its log too.
    """
    return ForeignKeyConstraint(["channel_id"], ["channels.id"], ondelete="CASCADE").ddl_if(dialect="sqlite")


class Base(DeclarativeBase):
    """The metadata that Alembic compares. Times are BIGINT milliseconds since 1970, UTC: exact on both databases."""


class Channel(Base):
    """One row per channel; its lock orders the publishes to it."""

    __tablename__ = "channels"
    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    slug: Mapped[str] = mapped_column(Name, unique=True)
    title: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    visibility: Mapped[str] = mapped_column(String(16))
    publishing: Mapped[str] = mapped_column(String(16))
    epoch: Mapped[str] = mapped_column(String(32))
    first_seq: Mapped[int] = mapped_column(BigInteger)
    last_seq: Mapped[int] = mapped_column(BigInteger)
    last_at: Mapped[int | None] = mapped_column(BigInteger)
    retention_days: Mapped[int | None] = mapped_column(Integer)
    retention_updates: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[int] = mapped_column(BigInteger)


class Update(Base):
    """One row per update. `fields` is its encoded JSON, which is not decoded again to send it."""

    __tablename__ = "updates"
    channel_id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    update_id: Mapped[str] = mapped_column(String(36))
    at: Mapped[int] = mapped_column(BigInteger)
    author: Mapped[str | None] = mapped_column(Text)
    level: Mapped[str] = mapped_column(String(16))
    key: Mapped[str | None] = mapped_column(Name)
    gone: Mapped[bool] = mapped_column(Boolean)
    fields: Mapped[str] = mapped_column(Text)
    words: Mapped[str | None] = mapped_column(Text)
    # Set on the last update of a batch: it is kept as long as any update of the batch.
    idempotency_key: Mapped[str | None] = mapped_column(Text)
    idempotency_digest: Mapped[str | None] = mapped_column(String(64))
    idempotency_count: Mapped[int | None] = mapped_column(Integer)

    __table_args__ = (
        _of_a_channel(),
        Index(
            "updates_key",
            "channel_id",
            "key",
            "seq",
            postgresql_where=text("key IS NOT NULL"),
            sqlite_where=text("key IS NOT NULL"),
        ),
        Index(
            "updates_idempotency",
            "channel_id",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
            sqlite_where=text("idempotency_key IS NOT NULL"),
        ),
    )


class UpdateTag(Base):
    """One row per tag of an update, for the filter."""

    __tablename__ = "update_tags"
    channel_id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)
    tag: Mapped[str] = mapped_column(Name, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)

    __table_args__ = (_of_a_channel(), Index("update_tags_seq", "channel_id", "seq"))


class WordRun(Base):
    """One row per run of updates: the words in it, each once. On SQLite triggers maintain a full-text index of them."""

    __tablename__ = "word_runs"
    channel_id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)
    first_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    last_seq: Mapped[int] = mapped_column(BigInteger)
    words: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        _of_a_channel(),
        Index(
            "word_runs_words",
            func.string_to_array(literal_column("words"), literal_column("' '")),
            postgresql_using="gin",
        ).ddl_if(dialect="postgresql"),
    )


class User(Base):
    """One row per user, human or machine."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(Name, unique=True)
    email: Mapped[str] = mapped_column(Text, unique=True)
    password_hash: Mapped[str | None] = mapped_column(Text)
    is_admin: Mapped[bool] = mapped_column(Boolean)
    disabled_at: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[int] = mapped_column(BigInteger)


class Member(Base):
    """A user's role in a channel."""

    __tablename__ = "members"
    channel_id: Mapped[int] = mapped_column(
        BigKey, ForeignKey("channels.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    user_id: Mapped[int] = mapped_column(
        BigKey, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False, index=True
    )
    role: Mapped[int] = mapped_column(Integer)


class Token(Base):
    """One row per API token: its SHA-256, and its first characters to show it in a list. The token is not stored."""

    __tablename__ = "tokens"
    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    prefix: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(Text)
    user_id: Mapped[int] = mapped_column(BigKey, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    channel_id: Mapped[int | None] = mapped_column(BigKey, ForeignKey("channels.id", ondelete="CASCADE"), index=True)
    scopes: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[int | None] = mapped_column(BigInteger)
    revoked_at: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[int] = mapped_column(BigInteger)
    used_at: Mapped[int | None] = mapped_column(BigInteger)


class Session(Base):
    """One row per sign-in on the pages: the SHA-256 of the secret in its cookie. The end of a session deletes it."""

    __tablename__ = "sessions"
    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(BigKey, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    agent: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    created_at: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)


class Link(Base):
    """The SHA-256 of the secret in a link for one use; using it deletes its row."""

    __tablename__ = "links"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[int | None] = mapped_column(BigKey, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)


class SignInFailures(Base):
    """The failed sign-ins of an account or a network, which make the next ones wait."""

    __tablename__ = "sign_in_failures"
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    last_at: Mapped[int] = mapped_column(BigInteger, index=True)


class Invitation(Base):
    """A link by which users join a channel, up to a number of times; `user_id` made it."""

    __tablename__ = "invitations"
    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    channel_id: Mapped[int] = mapped_column(BigKey, ForeignKey("channels.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int] = mapped_column(BigKey, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    role: Mapped[int] = mapped_column(Integer)
    uses: Mapped[int] = mapped_column(Integer)
    most_uses: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)


class Ticket(Base):
    """A one-use pass for a stream or a websocket, of a token or of a session; using it deletes its row."""

    __tablename__ = "tickets"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    token_id: Mapped[int | None] = mapped_column(BigKey, ForeignKey("tokens.id", ondelete="CASCADE"))
    session_id: Mapped[int | None] = mapped_column(BigKey, ForeignKey("sessions.id", ondelete="CASCADE"))
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)


def _table(of: type[Base]) -> Table:
    table = of.__table__
    assert isinstance(table, Table)
    return table


CHANNELS = _table(Channel)
UPDATES = _table(Update)
UPDATE_TAGS = _table(UpdateTag)
WORD_RUNS = _table(WordRun)
USERS = _table(User)
MEMBERS = _table(Member)
TOKENS = _table(Token)
TICKETS = _table(Ticket)
SESSIONS = _table(Session)
LINKS = _table(Link)
SIGN_IN_FAILURES = _table(SignInFailures)
INVITATIONS = _table(Invitation)
