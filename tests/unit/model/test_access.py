"""Who may do what, for the whole cast: ana owns, ben reads, pia publishes, cyd has no role, adi is an admin."""

from datetime import UTC, datetime

import pytest

from app.errors import Forbidden, NotFound, Refusal, Unauthenticated
from app.model.access import (
    ANONYMOUS,
    Credential,
    CredentialKind,
    Grant,
    Principal,
    Role,
    Scope,
    check_configure,
    check_create,
    check_publish,
    check_read,
    may_see_names,
)
from app.model.channel import Channel, Publishing, Visibility

BOTH = frozenset(Scope)
ROLES = {
    "ana": Role.OWNER,
    "pia": Role.PUBLISHER,
    "ben": Role.READER,
    "cyd": Role.NONE,
    "adi": Role.NONE,
    "anonymous": Role.NONE,
}


def principal(name: str, *, scopes: frozenset[Scope] | None = None, bound_to: int | None = None) -> Principal:
    if name == "anonymous":
        return ANONYMOUS
    user_id = list(ROLES).index(name) + 1
    if scopes is None:
        return Principal(user_id, name, name == "adi")
    token = Credential(CredentialKind.TOKEN, 1)
    return Principal(user_id, name, name == "adi", token, Grant(name, scopes, bound_to, None))


def channel(visibility: Visibility, publishing: Publishing = Publishing.EVERYONE) -> Channel:
    created_at = datetime(2026, 11, 21, tzinfo=UTC)
    return Channel(7, "ci", None, None, visibility, publishing, "e1", 1, 0, None, None, None, created_at)


@pytest.mark.parametrize("name", ROLES)
def test_every_caller_reads_public_and_unlisted_channels(name: str) -> None:
    for visibility in (Visibility.PUBLIC, Visibility.UNLISTED):
        check_read(principal(name), channel(visibility), ROLES[name])


@pytest.mark.parametrize("name", ["cyd", "anonymous"])
def test_a_private_channel_is_not_found_for_an_outsider(name: str) -> None:
    for check in (check_read, check_publish, check_configure):
        with pytest.raises(NotFound):
            check(principal(name), channel(Visibility.PRIVATE), ROLES[name])


@pytest.mark.parametrize(
    ("publishing", "expected"),
    [
        (Publishing.EVERYONE, {"ana", "pia", "ben", "cyd", "adi", "anonymous"}),
        (Publishing.MEMBERS, {"ana", "pia", "ben", "adi"}),
        (Publishing.PUBLISHERS, {"ana", "pia", "adi"}),
    ],
)
def test_the_publishing_setting_decides_which_callers_may_publish(publishing: Publishing, expected: set[str]) -> None:
    allowed = set()
    for name, role in ROLES.items():
        try:
            check_publish(principal(name), channel(Visibility.PUBLIC, publishing), role)
        except Forbidden:
            assert name != "anonymous"
        except Unauthenticated:
            assert name == "anonymous"
        else:
            allowed.add(name)

    assert allowed == expected


@pytest.mark.parametrize("name", ["ana", "adi"])
def test_a_token_allows_no_more_than_its_scopes(name: str) -> None:
    reader, publisher = (
        principal(name, scopes=frozenset({Scope.READ})),
        principal(name, scopes=frozenset({Scope.PUBLISH})),
    )
    open_to_all = channel(Visibility.PUBLIC)
    check_read(reader, open_to_all, ROLES[name])
    check_publish(publisher, open_to_all, ROLES[name])

    with pytest.raises(Forbidden, match="'publish'"):
        check_publish(reader, open_to_all, ROLES[name])
    with pytest.raises(Forbidden, match="'read'"):
        check_read(publisher, open_to_all, ROLES[name])


@pytest.mark.parametrize(("visibility", "refusal"), [(Visibility.PUBLIC, Forbidden), (Visibility.PRIVATE, NotFound)])
def test_a_bound_token_gives_no_rights_on_other_channels(visibility: Visibility, refusal: type[Refusal]) -> None:
    bound = principal("adi", scopes=BOTH, bound_to=8)

    for check in (check_read, check_publish):
        with pytest.raises(refusal):
            check(bound, channel(visibility), Role.OWNER)


def test_only_owners_and_admins_change_a_channel() -> None:
    allowed = set()
    for name, role in ROLES.items():
        try:
            check_configure(principal(name), channel(Visibility.PUBLIC), role)
        except Refusal:
            continue
        allowed.add(name)

    assert allowed == {"ana", "adi"}


def test_a_token_bound_to_the_channel_does_not_change_it() -> None:
    with pytest.raises(Forbidden):
        check_configure(principal("ana", scopes=BOTH, bound_to=7), channel(Visibility.PUBLIC), Role.OWNER)


def test_creating_a_channel_needs_a_user_and_an_unbound_publish_token() -> None:
    check_create(principal("cyd"))
    check_create(principal("cyd", scopes=BOTH))
    with pytest.raises(Unauthenticated):
        check_create(ANONYMOUS)
    for narrow in (principal("cyd", scopes=frozenset({Scope.READ})), principal("cyd", scopes=BOTH, bound_to=7)):
        with pytest.raises(Forbidden):
            check_create(narrow)


def test_only_members_see_the_names_of_watchers() -> None:
    allowed = {name for name, role in ROLES.items() if may_see_names(principal(name), channel(Visibility.PUBLIC), role)}

    assert allowed == {"ana", "pia", "ben", "adi"}
