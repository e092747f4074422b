"""
Which HTTP proxy leads to an address: the rules of Go's programs, kubectl among them, for all that dials out from here.

Python's libraries each have rules of their own, and none of them knows CIDRs in NO_PROXY. Pure: environment and address
in, proxy out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network

_PORTS = {"http": 80, "https": 443}
_CIDR = re.compile(r"([0-9a-f.:]+)/([0-9]+)")
_WITH_PORT = re.compile(r"(?:\[([^\[\]]*)\]|([^\[\]:]*)):([^\[\]:]*)")


class UnusableProxy(ValueError):
    """A proxy that nothing here can talk to. The text names it, without its password: "..., which is no HTTP proxy"."""


def proxy_for(url: str, environment: Mapping[str, str]) -> str | None:
    """The address of the proxy to *url* (http or https), as the variables say. None: it is reached directly.

    `HTTPS_PROXY` counts for https, `HTTP_PROXY` for http, names in small letters before those in capitals; one without
    a scheme is an HTTP proxy. Never for `localhost` and loopback addresses, nor for what `NO_PROXY` lists: a name with
    all below it, `.name` for those below it alone, an IP address, each for all ports or one (`name:443`), a CIDR, and
    `*` for everything. A *url* that is none has no proxy: whoever dials it will say so. Raises UnusableProxy for a
    proxy of another kind, and for one that is no address.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    named = _variable(environment, f"{parts.scheme}_proxy") if parts.scheme in _PORTS else ""
    if not named or _is_exempt(parts, _variable(environment, "no_proxy")):
        return None
    return usable_proxy(named)


def usable_proxy(named: str) -> str:
    """The address of the proxy *named*, an HTTP proxy where it has no scheme. Raises UnusableProxy for others."""
    proxy = named if "://" in named else f"http://{named}"
    try:
        parts = urlsplit(proxy)
        is_address = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise UnusableProxy("a proxy whose address is no address")
    if parts.scheme not in _PORTS:
        raise UnusableProxy(f"{without_password(proxy)}, which is no HTTP proxy")
    return proxy


def without_password(proxy: str) -> str:
    """The address *proxy* without user and password, as it may be shown."""
    scheme, _, rest = proxy.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper()) or ""


def _is_exempt(parts: SplitResult, no_proxy: str) -> bool:
    host = _ascii((parts.hostname or "").lower())
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    port = str(parts.port or _PORTS[parts.scheme])
    entries = [entry.strip().lower() for entry in no_proxy.split(",")]
    return any(entry == "*" or _matches(entry, host, address, port) for entry in entries if entry)


def _matches(entry: str, host: str, address: _Address | None, port: str) -> bool:
    """Whether one *entry* of NO_PROXY is about a host at this *port*; *address* is what it is when it is no name."""
    if (network := _network(entry)) is not None:
        return address is not None and address in network
    listed = _listed(entry)
    if listed.port not in ("", port) or not listed.host:
        return False
    if (listed_address := _address(listed.host)) is not None:
        return address == listed_address
    if address is not None:
        return False
    name = listed.host.removeprefix("*")
    if name.startswith("."):
        return host.endswith(f".{_ascii(name[1:])}")
    return host == _ascii(name) or host.endswith(f".{_ascii(name)}")


@dataclass(frozen=True, slots=True)
class _Listed:
    host: str
    port: str


def _listed(entry: str) -> _Listed:
    """Host and port of an entry; one with several colons and no brackets is an IPv6 address as a whole."""
    with_port = _WITH_PORT.fullmatch(entry)
    return _Listed(with_port[1] or with_port[2] or "", with_port[3]) if with_port else _Listed(entry, "")


def _address(host: str) -> _Address | None:
    """The IP address that *host* is, IPv4 also where it is written as IPv6. None for names."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _network(entry: str) -> _Network | None:
    cidr = _CIDR.fullmatch(entry)
    if cidr is None:
        return None
    try:
        network = ip_network(entry, strict=False)
    except ValueError:
        return None
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    return ip_network(f"{mapped}/{network.prefixlen - 96}") if mapped and network.prefixlen >= 96 else network  # noqa: PLR2004


def _ascii(name: str) -> str:
    """*name* as DNS has it; one that can be none stays as it is."""
    try:
        return name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        return name
