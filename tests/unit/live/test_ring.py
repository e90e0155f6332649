"""The ring: always a run of consecutive entries that ends at its head, whatever order the hints come in."""

from hypothesis import given
from hypothesis import strategies as st

from app.live.ring import Ring
from app.model.update import Entry

SIZE = 10


def entry(seq: int, size: int = SIZE) -> Entry:
    return Entry(seq, b"x" * size)


def ring(head: int = 0, most: int = 100, most_bytes: int = 100_000) -> Ring:
    return Ring(head, most, most_bytes)


def seqs(entries: list[Entry] | None) -> list[int] | None:
    return None if entries is None else [each.seq for each in entries]


def test_a_ring_goes_on_after_the_head_it_was_made_with() -> None:
    known = ring(head=41)

    assert known.offer([entry(42), entry(43)])
    assert (known.head, seqs(known.after(41, known.head, 10, 1000))) == (43, [42, 43])


def test_what_comes_twice_is_taken_once() -> None:
    known = ring()
    known.offer([entry(1), entry(2)])

    assert not known.offer([entry(1), entry(2)])
    assert seqs(known.after(0, known.head, 10, 1000)) == [1, 2]


def test_an_early_one_waits_for_its_elder() -> None:
    known = ring()

    assert not known.offer([entry(2), entry(3)])
    assert (known.head, known.seen, known.gap) == (0, 3, True)
    assert known.offer([entry(1)])
    assert (known.head, known.gap, seqs(known.after(0, known.head, 10, 1000))) == (3, False, [1, 2, 3])


def test_a_jump_gives_up_on_what_did_not_come_and_keeps_the_newest_run() -> None:
    known = ring()
    known.offer([entry(1), entry(2)])
    known.offer([entry(5), entry(7), entry(8)])
    known.jump()

    assert (known.head, known.gap) == (8, False)
    assert seqs(known.after(6, known.head, 10, 1000)) == [7, 8]
    assert known.after(5, known.head, 10, 1000) is None
    assert known.after(2, known.head, 10, 1000) is None


def test_a_jump_over_all_that_is_known_goes_on_after_it() -> None:
    known = ring()
    known.seen = 9
    known.jump()

    assert (known.head, known.after(9, known.head, 10, 1000), known.after(8, known.head, 10, 1000)) == (9, [], None)
    assert known.offer([entry(10)])


def test_the_ring_forgets_the_oldest_beyond_its_bounds() -> None:
    by_count, by_bytes = ring(most=3), ring(most_bytes=35)
    for known in (by_count, by_bytes):
        known.offer([entry(seq) for seq in range(1, 8)])

        assert seqs(known.after(4, known.head, 10, 1000)) == [5, 6, 7]
        assert known.after(3, known.head, 10, 1000) is None


def test_the_newest_is_kept_however_large_it_is() -> None:
    known = ring(most_bytes=5)
    known.offer([entry(1), entry(2, size=1000)])

    assert seqs(known.after(1, known.head, 10, 10)) == [2]


def test_what_is_taken_is_bounded_and_never_nothing() -> None:
    known = ring()
    known.offer([entry(seq) for seq in range(1, 8)])

    assert seqs(known.after(0, known.head, 2, 1000)) == [1, 2]
    assert seqs(known.after(0, known.head, 10, 25)) == [1, 2]
    assert seqs(known.after(3, known.head, 10, 1)) == [4]


def test_early_ones_are_held_up_to_a_bound() -> None:
    known = ring(most=10_000)
    known.offer([entry(seq) for seq in range(2, 3000)])
    known.offer([entry(1)])

    assert (known.head, known.gap) == (1025, True)


OFFERS = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 5)), max_size=40)


@given(OFFERS, st.integers(0, 10), st.integers(1, 8))
def test_the_ring_is_a_run_that_ends_at_its_head(offers: list[tuple[int, int]], head: int, most: int) -> None:
    known, heard = ring(head=head, most=most), {head}
    for first, count in offers:
        before = known.head
        moved = known.offer([entry(seq) for seq in range(first, first + count)])
        heard |= set(range(first, first + count))
        assert moved == (known.head > before)

    # Nothing is forgotten on the way: the head is the last that hints reach without a hole.
    reached = head
    while reached + 1 in heard:
        reached += 1
    assert (known.head, known.seen) == (reached, max(reached, *heard))
    for seq in range(known.head + 1):
        found = known.after(seq, known.head, 100, 100_000)
        assert found is None or seqs(found) == list(range(seq + 1, known.head + 1))
    assert known.after(known.head, known.head, 1, 1) == []


@given(OFFERS)
def test_after_a_jump_there_is_no_gap(offers: list[tuple[int, int]]) -> None:
    known = ring()
    for first, count in offers:
        known.offer([entry(seq) for seq in range(first, first + count)])
    newest = known.seen
    known.jump()

    assert (known.head, known.seen, known.gap) == (newest, newest, False)
    found = known.after(newest - 1, newest, 10, 1000) if newest else []
    assert found is None or seqs(found) == ([newest] if newest else [])


def test_it_gives_no_more_than_it_is_asked_for() -> None:
    known = ring()
    known.offer([entry(seq) for seq in range(1, 7)])

    assert seqs(known.after(1, 4, 10, 1000)) == [2, 3, 4]
    assert seqs(known.after(1, 6, 2, 1000)) == [2, 3]
    assert seqs(known.after(1, 6, 10, 3 * SIZE)) == [2, 3, 4]
    assert seqs(known.after(1, 6, 10, 1)) == [2]
