"""The network of an address."""

import pytest

from app.model.network import network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("<local>", "<local>"),
        ("unknown", "unknown"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_a_network(address: str, network: str) -> None:
    assert network_of(address) == network
