"""The ring: always a run of consecutive entries that ends at its head, whatever order the hints arrive in."""

from hypothesis import given
from hypothesis import strategies as st

from app.live.ring import Ring
from app.model.update import Entry

SIZE = 10


def entry(seq: int, size: int = SIZE) -> Entry:
    return Entry(seq, b"x" * size)


def new_ring(head: int = 0, most: int = 100, most_bytes: int = 100_000) -> Ring:
    return Ring(head, most, most_bytes)


def seqs(entries: list[Entry] | None) -> list[int] | None:
    return None if entries is None else [each.seq for each in entries]


def test_a_ring_continues_after_the_head_it_was_made_with() -> None:
    ring = new_ring(head=41)

    assert ring.offer([entry(42), entry(43)])
    assert (ring.head, seqs(ring.after(41, ring.head, 10, 1000))) == (43, [42, 43])


def test_an_entry_offered_twice_is_taken_once() -> None:
    ring = new_ring()
    ring.offer([entry(1), entry(2)])

    assert not ring.offer([entry(1), entry(2)])
    assert seqs(ring.after(0, ring.head, 10, 1000)) == [1, 2]


def test_an_entry_out_of_order_waits_for_the_one_before_it() -> None:
    ring = new_ring()

    assert not ring.offer([entry(2), entry(3)])
    assert (ring.head, ring.seen, ring.gap) == (0, 3, True)
    assert ring.offer([entry(1)])
    assert (ring.head, ring.gap, seqs(ring.after(0, ring.head, 10, 1000))) == (3, False, [1, 2, 3])


def test_a_jump_skips_the_missing_entries_and_keeps_the_newest_run() -> None:
    ring = new_ring()
    ring.offer([entry(1), entry(2)])
    ring.offer([entry(5), entry(7), entry(8)])
    ring.jump()

    assert (ring.head, ring.gap) == (8, False)
    assert seqs(ring.after(6, ring.head, 10, 1000)) == [7, 8]
    assert ring.after(5, ring.head, 10, 1000) is None
    assert ring.after(2, ring.head, 10, 1000) is None


def test_a_jump_beyond_all_entries_continues_after_the_last_seq_seen() -> None:
    ring = new_ring()
    ring.seen = 9
    ring.jump()

    assert (ring.head, ring.after(9, ring.head, 10, 1000), ring.after(8, ring.head, 10, 1000)) == (9, [], None)
    assert ring.offer([entry(10)])


def test_the_ring_drops_the_oldest_beyond_its_bounds() -> None:
    by_count, by_bytes = new_ring(most=3), new_ring(most_bytes=35)
    for ring in (by_count, by_bytes):
        ring.offer([entry(seq) for seq in range(1, 8)])

        assert seqs(ring.after(4, ring.head, 10, 1000)) == [5, 6, 7]
        assert ring.after(3, ring.head, 10, 1000) is None


def test_the_newest_entry_is_kept_whatever_its_size() -> None:
    ring = new_ring(most_bytes=5)
    ring.offer([entry(1), entry(2, size=1000)])

    assert seqs(ring.after(1, ring.head, 10, 10)) == [2]


def test_a_batch_is_bounded_and_never_empty() -> None:
    ring = new_ring()
    ring.offer([entry(seq) for seq in range(1, 8)])

    assert seqs(ring.after(0, ring.head, 2, 1000)) == [1, 2]
    assert seqs(ring.after(0, ring.head, 10, 25)) == [1, 2]
    assert seqs(ring.after(3, ring.head, 10, 1)) == [4]


def test_entries_out_of_order_are_held_up_to_a_bound() -> None:
    ring = new_ring(most=10_000)
    ring.offer([entry(seq) for seq in range(2, 3000)])
    ring.offer([entry(1)])

    assert (ring.head, ring.gap) == (1025, True)


OFFERS = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 5)), max_size=40)


@given(OFFERS, st.integers(0, 10), st.integers(1, 8))
def test_the_ring_is_consecutive_and_ends_at_its_head(offers: list[tuple[int, int]], head: int, most: int) -> None:
    ring, offered = new_ring(head=head, most=most), {head}
    for first, count in offers:
        before = ring.head
        moved = ring.offer([entry(seq) for seq in range(first, first + count)])
        offered |= set(range(first, first + count))
        assert moved == (ring.head > before)

    # No offered entry is dropped: the head is the last seq that hints reach without a gap.
    reached = head
    while reached + 1 in offered:
        reached += 1
    assert (ring.head, ring.seen) == (reached, max(reached, *offered))
    for seq in range(ring.head + 1):
        found = ring.after(seq, ring.head, 100, 100_000)
        assert found is None or seqs(found) == list(range(seq + 1, ring.head + 1))
    assert ring.after(ring.head, ring.head, 1, 1) == []


@given(OFFERS)
def test_after_a_jump_there_is_no_gap(offers: list[tuple[int, int]]) -> None:
    ring = new_ring()
    for first, count in offers:
        ring.offer([entry(seq) for seq in range(first, first + count)])
    newest = ring.seen
    ring.jump()

    assert (ring.head, ring.seen, ring.gap) == (newest, newest, False)
    found = ring.after(newest - 1, newest, 10, 1000) if newest else []
    assert found is None or seqs(found) == ([newest] if newest else [])


def test_a_batch_ends_at_the_seq_asked_for() -> None:
    ring = new_ring()
    ring.offer([entry(seq) for seq in range(1, 7)])

    assert seqs(ring.after(1, 4, 10, 1000)) == [2, 3, 4]
    assert seqs(ring.after(1, 6, 2, 1000)) == [2, 3]
    assert seqs(ring.after(1, 6, 10, 3 * SIZE)) == [2, 3, 4]
    assert seqs(ring.after(1, 6, 10, 1)) == [2]
