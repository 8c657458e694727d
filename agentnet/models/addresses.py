"""Addresses of servers: which ones a network may ask, and under which IP addresses.

Two levels of trust. `OWNER` is for addresses in the owner's own network file or environment: the file may name any
machine, in the inner network too. `JOINED` is for addresses that come with a member of a living network: https, public
addresses and known ports only; `joined_near` makes exceptions for networks that the owner names. Neither level follows
redirects (`agentnet.models.openai.transport`), and both resolve a
name once, check every address that it has, and connect to those addresses and no others, so that a name cannot lead
elsewhere between the check and the connection.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from agentnet.errors import BadInput, ModelError, ModelUnavailable
from agentnet.redaction import HIDDEN, redacted_url

IPAddress: TypeAlias = IPv4Address | IPv6Address
IPNetwork: TypeAlias = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the IP addresses of a host name, for a port."""
Reach = Literal[
    "public", "private", "shared", "loopback", "link-local", "metadata", "multicast", "unspecified", "reserved"
]
"""Where an IP address leads."""

_PLAIN = re.compile(r"[!#$%&'()*+,./0-9:;=?@A-Z\[\]_a-z~-]+")
"""The characters of a URL (RFC 3986)."""
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LONGEST_NAME = 253
_PORTS = {"http": 80, "https": 443}

_METADATA = frozenset(
    map(ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"))
)
"""Where clouds tell a machine its credentials: AWS, Google, Azure and others; AWS over IPv6; Alibaba; Oracle; Azure."""
_NEVER_NEAR = ("metadata", "multicast", "unspecified")
_SHARED = IPv4Network("100.64.0.0/10")
_RELAY = IPv4Network("192.88.99.0/24")
_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_SPECIAL = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
"""Within global unicast: Teredo and other special purposes, documentation, 6to4."""


@dataclass(frozen=True, slots=True)
class Server:
    """The parts of a server's URL that decide where a request goes."""

    scheme: str
    host: str
    """In lower case; an IPv6 address without brackets."""
    port: int
    address: IPAddress | None
    """The host, where it is an IP address."""
    has_user: bool
    """Whether the URL has a user, or a password."""

    @property
    def is_local(self) -> bool:
        """Whether the host is this machine by its spelling alone."""
        own = self.host.rstrip(".") == "localhost" or self.host.endswith(".localhost")
        return own if self.address is None else reach_of(self.address) == "loopback"


def parse_server(url: str) -> Server:
    """Return where a URL leads. Raises `ModelError` for spellings that two readers could understand differently."""
    if f"//{HIDDEN}@" in url:
        raise _bad(url, "it was recorded without its user and password; open the network file itself")
    if not _PLAIN.fullmatch(url):
        raise _bad(url, "has characters that no URL has; write a name in its ASCII form (xn--…)")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _bad(url, "it is no URL, or its port is no number; a / in a password is written %2F") from None
    if parts.scheme not in _PORTS:
        raise _bad(url, "write http://…/v1 or https://…/v1")
    user, at, target = parts.netloc.rpartition("@")
    host = (parts.hostname or "").lower()
    if not host:
        raise _bad(url, "has no host; write http://HOST/v1")
    if port == 0:
        raise _bad(url, "port 0 is none")
    if "@" in user or "[" in user or "." in user.partition(":")[0]:
        raise _bad(url, f"reads as if it led elsewhere than to {host}; leave out what stands before the @")
    address = _literal(url, host, bracketed=target.startswith("["))
    return Server(parts.scheme, host, port or _PORTS[parts.scheme], address, bool(at))


def _literal(url: str, host: str, *, bracketed: bool) -> IPAddress | None:
    """Return the IP address that a host is; None for a name."""
    if bracketed:
        try:
            address = ip_address(host)
        except ValueError as error:
            raise _bad(url, str(error)) from None
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            raise _bad(url, f"write this address as {address.ipv4_mapped}")
        return address
    labels = host.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):  # by the WHATWG's URL standard this is an IPv4 address, in some notation
        try:
            return IPv4Address(host)
        except ValueError:
            raise _bad(url, "is no IP address in plain notation; write it as 192.0.2.1") from None
    if len(host) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, labels)):
        raise _bad(url, f"{host} is not the name of a machine")
    return None


def _bad(url: str, why: str) -> ModelError:
    return ModelError(f"{redacted_url(url)}: not the address of a server: {why}")


def reach_of(address: IPAddress) -> Reach:
    """Return where an IP address leads. IPv4 addresses within IPv6 ones count as themselves."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return reach_of(address.ipv4_mapped)
        if address in _NAT64:
            return reach_of(IPv4Address(int(address) & 0xFFFFFFFF))
    if address in _METADATA:
        return "metadata"
    if address.is_unspecified:
        return "unspecified"
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    if address.is_multicast:
        return "multicast"
    if isinstance(address, IPv6Address):
        if address in _UNICAST:
            return "public" if address.is_global and not any(address in net for net in _SPECIAL) else "reserved"
        return "private" if address.is_private or address.is_site_local else "reserved"
    if address in _SHARED:
        return "shared"
    if address.is_global and address not in _RELAY:
        return "public"
    return "reserved" if address.is_reserved or not address.is_private else "private"


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Which servers may be asked. `OWNER` and `JOINED` are the two levels.

    Of the stricter one, `ports` are the known ports, and `near` are networks in which a server may also speak plain
    HTTP, on any port.
    """

    joined: bool
    ports: frozenset[int] = frozenset({443, 8443})
    near: tuple[IPNetwork, ...] = ()

    def check(self, url: str) -> Server:
        """Return where a URL leads. Raises `ModelError` if the URL alone says that it may not be asked."""
        server = parse_server(url)
        if self.joined:
            if why := self._why_no_stranger(server):
                raise ModelError(f"{server.scheme}://{server.host}: a member that joined may not bring it: {why}")
        elif server.address is not None and reach_of(server.address) == "multicast":
            raise _bad(url, "is a multicast address; write the server's own")
        return server

    def refusal(self, server: Server, address: IPAddress) -> str | None:
        """Return why a server may not be asked at one of its IP addresses; None if it may.

        In the owner's file an address means itself, and a name means a machine anywhere but where no server of models
        is: a name that leads to a cloud's metadata service, say, was turned against its owner.
        """
        reach = reach_of(address)
        if self.joined:
            if self._is_near(address):
                return None
            return self._why_not_public(server) or (None if reach == "public" else f"{address} is a {reach} address")
        if server.address is not None or reach in ("public", "private", "shared", "loopback"):
            return None
        return f"{server.host} leads to {address}, a {reach} address; if that is meant, write the address itself"

    async def addresses(self, server: Server, resolver: Resolver | None = None) -> tuple[str, ...]:
        """Return the IP addresses to connect to, in the order of preference; one that is refused refuses them all.

        Raises `ModelError`, and `ModelUnavailable` for a name without addresses.
        """
        if server.address is not None:
            return (server.host,)
        try:
            resolved = [ip_address(found) for found in await (resolver or system_resolver)(server.host, server.port)]
        except (OSError, ValueError) as error:
            raise ModelUnavailable(f"{server.host}: the name cannot be resolved ({error}); check base_url") from error
        if not resolved:
            raise ModelUnavailable(f"{server.host}: the name has no address; check base_url")
        for address in resolved:
            if why := self.refusal(server, address):
                raise ModelError(f"{server.scheme}://{server.host}: is not asked: {why}")
        return tuple(map(str, resolved))

    def _why_no_stranger(self, server: Server) -> str | None:
        """Return why a member that joined may not bring a server; None where its addresses have to decide."""
        if server.has_user:
            return "it has a user before the @"
        if server.address is not None:
            return self.refusal(server, server.address)
        return None if self.near else self._why_not_public(server)  # a name may lead to a near address

    def _why_not_public(self, server: Server) -> str | None:
        """Return why a server is none that a stranger may bring from outside, by its URL alone."""
        if server.scheme != "https":
            return "it must begin with https://"
        if server.port not in self.ports:
            return f"port {server.port} is none of {', '.join(map(str, sorted(self.ports)))}"
        if server.address is None and (server.is_local or "." not in server.host or server.host.endswith(".")):
            return f"{server.host} is not the full name of a public machine"
        return None

    def _is_near(self, address: IPAddress) -> bool:
        """Return whether an address lies in a network of the owner's choice. No network holds a metadata service."""
        plain = getattr(address, "ipv4_mapped", None) or address
        return reach_of(plain) not in _NEVER_NEAR and any(plain in network for network in self.near)


OWNER = AddressPolicy(joined=False)
"""Addresses in the owner's own network file or environment."""
JOINED = AddressPolicy(joined=True)
"""Addresses that come with a member of a living network."""


def joined_near(networks: str) -> AddressPolicy:
    """Return the policy for members that joined, with networks in which they may also speak plain HTTP, on any port.

    They are IP addresses and CIDR networks, separated by commas: ``127.0.0.1, 192.168.1.0/24``. Raises `BadInput`.
    """
    near: list[IPNetwork] = []
    for text in filter(None, map(str.strip, networks.split(","))):
        try:
            near.append(ip_network(text))
        except ValueError as error:
            raise BadInput(f"{text!r} is no network of IP addresses: write it as 192.168.1.0/24 ({error})") from None
    return AddressPolicy(joined=True, near=tuple(near))


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name by the system's resolver. Raises `OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
