"""The count of each network: bounded, and gone with its last one; and its pace."""

from app.runtime.networks import NetworkCounts, NetworkPace


def test_each_network_has_a_count_of_its_own() -> None:
    counts = NetworkCounts(2)

    assert [counts.add(address) for address in ("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2")] == [
        *(True, True, False, True)
    ]
    counts.remove("192.0.2.1")
    assert counts.add("192.0.2.1")


def test_the_addresses_of_one_household_share_a_count() -> None:
    counts = NetworkCounts(2)
    addresses = ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:1::3", "2001:db8:0:2::1")

    assert [counts.add(address) for address in addresses] == [True, True, False, True]


def test_a_network_has_some_at_once_and_waits_for_the_next_ones() -> None:
    pace = NetworkPace(per_second=10, burst=2)

    waits = [pace.wait("192.0.2.1", 100.0) for _ in range(5)]

    assert [round(wait, 6) for wait in waits] == [0, 0, 0.1, 0.2, 0.3]
    assert pace.wait("192.0.2.2", 100.0) == 0
    assert pace.wait("192.0.2.1", 101.0) == 0


def test_networks_that_no_longer_wait_are_forgotten() -> None:
    pace = NetworkPace(per_second=10, burst=1)
    for number in range(5000):
        pace.wait(f"10.0.{number // 250}.{number % 250}", float(number))

    assert len(pace) <= 1024


def test_a_network_that_still_waits_is_not_forgotten() -> None:
    pace = NetworkPace(per_second=10, burst=1)
    for number in range(5000):
        pace.wait(f"10.0.{number // 250}.{number % 250}", 0.0)

    assert pace.wait("10.0.0.0", 0.0) == 0.1


def test_nothing_waits_longer_than_the_longest() -> None:
    pace = NetworkPace(per_second=10, burst=1, longest=0.5)

    waits = [pace.wait("192.0.2.1", 0.0) for _ in range(20)]

    assert [round(wait, 6) for wait in waits[:6]] == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert set(waits[6:]) == {0.5}
    assert pace.wait("192.0.2.1", 0.7) == 0
