"""The network behind an address: as much of it as one household or host has for itself."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

_HOUSEHOLD = 64  # Bits that a provider gives one customer, who chooses the rest (RFC 6177).


@lru_cache(4096)
def network_of(address: str) -> str:
    """An IPv4 address itself, also where IPv6 maps it (RFC 4291, 2.5.5.2); of an IPv6 address its /64. What is no
    address stays as it is."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, _HOUSEHOLD), strict=False))
