"""Sessions of the pages, links for one use, the failures of sign-ins, invitations; and tickets of sessions.

The tickets of before are dropped: each was valid for a minute.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def user_key(*, nullable: bool = False) -> sa.Column[int]:
    """The column of a user, with whom the row goes."""
    return sa.Column("user_id", BIG, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=nullable, index=True)


def tickets(*credential: sa.Column[int]) -> None:
    """Create the table anew, for tickets of these kinds of credentials."""
    op.drop_table("tickets")
    op.create_table(
        "tickets",
        sa.Column("digest", sa.String(64), primary_key=True),
        *credential,
        sa.Column("expires_at", sa.BigInteger(), nullable=False, index=True),
    )


def upgrade() -> None:
    op.add_column("tokens", sa.Column("used_at", sa.BigInteger()))
    op.create_table(
        "sessions",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        user_key(),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, index=True),
        # An ended session's id must not be reused: open connections are known by it.
        sqlite_autoincrement=True,
    )
    op.create_table(
        "links",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("purpose", sa.String(16), nullable=False),
        user_key(nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, index=True),
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("key", sa.String(80), primary_key=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False, index=True),
    )
    op.create_table(
        "invitations",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("channel_id", BIG, sa.ForeignKey("channels.id", ondelete="CASCADE"), nullable=False, index=True),
        user_key(),
        sa.Column("role", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("most_uses", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, index=True),
    )
    tickets(
        sa.Column("token_id", BIG, sa.ForeignKey("tokens.id", ondelete="CASCADE")),
        sa.Column("session_id", BIG, sa.ForeignKey("sessions.id", ondelete="CASCADE")),
    )


def downgrade() -> None:
    tickets(sa.Column("token_id", BIG, sa.ForeignKey("tokens.id", ondelete="CASCADE"), nullable=False))
    for name in ("invitations", "sign_in_failures", "links", "sessions"):
        op.drop_table(name)
    op.drop_column("tokens", "used_at")
