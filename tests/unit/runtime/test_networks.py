"""The count of each network: bounded, and gone with its last one."""

from app.runtime.networks import NetworkCounts


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
