"""Proxies in front of us: what those that are named say of the client is believed, and nobody else's word for it.

Of `X-Forwarded-Proto` gunicorn takes the scheme, of the same proxies only; `X-Forwarded-For` is read here. Nothing we
answer is made of the host that was asked for, so `X-Forwarded-Host` is not looked at.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import click

Network = IPv4Network | IPv6Network


class Addresses(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click only
    """An option that lists addresses and networks, with commas between."""

    name = "addresses"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Give them one by one, as gunicorn takes them."""
        if isinstance(value, tuple):
            return value
        listed = [part.strip() for part in str(value).split(",") if part.strip()]
        for part in listed:
            try:
                ip_network(part)
            except ValueError:
                self.fail(f"{part!r} is no address and no network such as 10.0.0.0/8.", param, ctx)
        return tuple(listed)


def client_address(peer: str, forwarded_for: str | None, trusted: Iterable[Network]) -> str:
    """Tell who asks: the last one on the way to us whom only trusted proxies vouch for.

    Each proxy appends to `X-Forwarded-For` whom it was asked by; what a client itself has put there stands before that.
    """
    believed = peer
    for hop in reversed((forwarded_for or "").split(",")):
        if not _is_one(believed, trusted):
            break
        try:
            believed = str(ip_address(hop.strip()))
        except ValueError:
            break
    return believed


def _is_one(address: str, trusted: Iterable[Network]) -> bool:
    return any(ip_address(address) in network for network in trusted)
