"""Invitations: a link by which a user joins a channel, made and taken back by its owners."""

from collections.abc import Awaitable, Callable

from app.actions.find import check_configurable, configurable_in, readable_in
from app.actions.members import put_in
from app.actions.passwords import check_password, hash_password
from app.actions.sessions import begin_session
from app.actions.users import check_user
from app.clock import now_ms
from app.errors import Conflict, Forbidden, InvalidRequest, NotFound
from app.live.hub import Hub
from app.model.access import Principal, Role, check_configure
from app.model.channel import Channel
from app.model.member import MOST_INVITATION_DAYS, MOST_INVITATIONS, MOST_USES, Invitation, Invited
from app.model.network import network_of
from app.model.secret import digest, new_secret
from app.model.session import DAY_MS
from app.store import channels, invitations, members, users
from app.store.engine.database import Database, Transaction
from app.telemetry.audit import Act, record

_NOT_VALID = "This invitation was used up or taken back, or has expired: ask for a new one."


async def invite(db: Database, who: Principal, slug: str, role: Role, *, days: int, uses: int) -> str:
    """A new invitation to become a reader or a publisher; returns its secret. Raises as `configurable_in`,
    InvalidRequest, and Conflict beyond MOST_INVITATIONS."""
    if role not in (Role.READER, Role.PUBLISHER):
        raise InvalidRequest("An invitation makes readers or publishers; make an owner of a member.", field="role")
    for name, number, most in (("days", days, MOST_INVITATION_DAYS), ("uses", uses, MOST_USES)):
        if not 1 <= number <= most:
            raise InvalidRequest(f"A whole number from 1 to {most}.", field=name)
    if who.user_id is None or who.grant is not None:
        raise Forbidden("Only who is signed in invites: a token invites nobody.")
    await check_configurable(db, who, slug)
    secret, now = new_secret(), now_ms()
    async with db.transaction() as tx:
        channel = await configurable_in(tx, who, slug)
        if await invitations.count(tx, channel.id, now) >= MOST_INVITATIONS:
            raise Conflict(f"This channel has {MOST_INVITATIONS} open invitations, the most: take one back.")
        await invitations.add(tx, digest(secret), channel.id, who.user_id, role, uses, now, now + days * DAY_MS)
    record(Act.INVITATION_CREATED, who.user, channel=slug, role=role.name.lower(), days=days, uses=uses)
    return secret


async def list_invitations(db: Database, who: Principal, slug: str) -> list[Invitation]:
    """The invitations to the channel that may still be used. Raises as `configurable_in`."""
    async with db.reading() as tx:
        channel, role = await readable_in(tx, who, slug)
        check_configure(who, channel, role)
        return await invitations.listed(tx, channel.id, now_ms())


async def take_back(db: Database, who: Principal, slug: str, invitation_id: int) -> None:
    """End an invitation; who has joined stays. Raises as `configurable_in`, and Conflict for one that has ended."""
    async with db.transaction() as tx:
        channel = await configurable_in(tx, who, slug)
        if not await invitations.remove(tx, channel.id, invitation_id):
            raise Conflict("This invitation has ended already.")
    record(Act.INVITATION_ENDED, who.user, channel=slug)


async def show_invitation(db: Database, secret: str) -> Invited:
    """What the invitation opens, and who made it. Raises NotFound for one that is not valid."""
    async with db.reading() as tx:
        return (await _valid(tx, secret, channels.find))[0]


async def join(db: Database, hub: Hub, who: Principal, secret: str) -> str:
    """Make the caller a member; a higher role that they have stays. Returns the channel's slug. Raises NotFound for an
    invitation that is not valid, and Forbidden for a token."""
    if who.user_id is None or who.grant is not None:
        raise Forbidden("Only who is signed in joins a channel.")
    async with db.transaction() as tx:
        invited, channel = await _valid(tx, secret)
        await _join(tx, invited, channel, who.user_id)
    record(Act.INVITATION_USED, who.user, channel=invited.slug, role=invited.role.name.lower(), inviter=invited.inviter)
    hub.access_changed()
    return invited.slug


async def join_as_new_user(
    db: Database, hub: Hub, secret: str, name: str, email: str, password: str, address: str, agent: str
) -> tuple[str, str]:
    """Create a user who joins by the invitation. Returns the channel's slug, and the secret of the user's session.
    Raises InvalidRequest, Conflict, and NotFound for an invitation that is not valid."""
    email = check_user(name, email)
    check_password(password, name, email)
    await show_invitation(db, secret)
    password_hash = await hash_password(password)
    async with db.transaction() as tx:
        invited, channel = await _valid(tx, secret)
        user = await users.add(tx, name, email, password_hash, False, now_ms())
        await _join(tx, invited, channel, user.id)
        started = await begin_session(tx, user.id, network_of(address), agent, remembered=False)
    record(Act.USER_CREATED, name, address=address)
    record(Act.INVITATION_USED, name, channel=invited.slug, role=invited.role.name.lower(), inviter=invited.inviter)
    hub.access_changed()
    return invited.slug, started


async def _valid(
    tx: Transaction, secret: str, find: Callable[[Transaction, str], Awaitable[Channel | None]] = channels.lock
) -> tuple[Invited, Channel]:
    """The invitation, which dies with its maker's right to invite, and its channel, locked: of two that change the
    roles in it at once, one waits."""
    invited = await invitations.find(tx, digest(secret), now_ms())
    channel = await find(tx, invited.slug) if invited is not None else None
    if invited is None or channel is None:
        raise NotFound(_NOT_VALID)
    if not invited.inviter_is_admin and await members.role(tx, channel.id, invited.inviter_id) is not Role.OWNER:
        raise NotFound(_NOT_VALID)
    return invited, channel


async def _join(tx: Transaction, invited: Invited, channel: Channel, user_id: int) -> None:
    if await members.role(tx, channel.id, user_id) >= invited.role:
        return
    if not await invitations.use(tx, invited.id, now_ms()):
        raise NotFound(_NOT_VALID)
    await put_in(tx, channel, user_id, invited.role)
