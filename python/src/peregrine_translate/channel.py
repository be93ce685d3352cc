"""Connections: addresses, encryption, tokens, retries, keepalive."""

from __future__ import annotations

import importlib.resources
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Optional, Sequence, Tuple, Union

import grpc

DEFAULT_PORT = 50051
TOKEN_VARIABLE = "PEREGRINE_TOKEN"

Metadata = Tuple[Tuple[str, str], ...]
PathOrBytes = Union[str, "os.PathLike[str]", bytes]


@dataclass(frozen=True)
class Tls:
    """Encryption. Files are read when the client is made; bytes are PEM."""

    #: Authorities to trust; None: those of the system.
    ca: Optional[PathOrBytes] = None
    #: For a server that wants a certificate of its clients. Both or none.
    certificate: Optional[PathOrBytes] = None
    key: Optional[PathOrBytes] = None
    #: Name to expect in the server's certificate, where the address has another.
    server_name: Optional[str] = None


@dataclass(frozen=True)
class Endpoint:
    """Where and how to connect."""

    target: str  #: in gRPC's name syntax
    options: Tuple[Tuple[str, Any], ...]
    credentials: Optional[grpc.ChannelCredentials]
    metadata: Metadata  #: of every call


def make_endpoint(
    address: Union[str, Sequence[str]],
    *,
    tls: Union[bool, Tls],
    token: Optional[str],
    insecure_token: bool,
    max_attempts: int,
    metadata: Metadata,
) -> Endpoint:
    """Checks and combines what the caller said; ValueError names the fault."""
    target = make_target(address)
    token = token if token is not None else os.environ.get(TOKEN_VARIABLE)
    if token is not None:
        token = token.strip()
        if not token or not token.isascii() or not token.isprintable():
            raise ValueError("token: found an empty or unprintable one")
        if not tls and not insecure_token and not _is_local(target):
            raise ValueError(
                f"token: would go to {target!r} unencrypted; give tls=True, or "
                "insecure_token=True where the network is trusted"
            )
        metadata = (*metadata, ("authorization", f"Bearer {token}"))
    return Endpoint(
        target=target,
        options=_options(max_attempts, tls),
        credentials=_credentials(tls) if tls else None,
        metadata=metadata,
    )


def make_target(address: Union[str, Sequence[str]]) -> str:
    """gRPC's target of one server, or of several between which to balance."""
    if isinstance(address, str):
        return _with_port(address)
    addresses = [_with_port(one) for one in address]
    if not addresses:
        raise ValueError("address: found an empty list, expected a server at least")
    if len(addresses) == 1:
        return addresses[0]
    families = set()
    hosts = []
    for one in addresses:
        host, _, port = one.rpartition(":")
        host = "127.0.0.1" if host == "localhost" else host.strip("[]")
        try:
            ip = ipaddress.ip_address(host)
        except ValueError:
            raise ValueError(
                f"address: found the name {host!r} in a list, expected IP addresses; "
                "give several servers one name in DNS: 'dns:///NAME:PORT'"
            ) from None
        families.add(f"ipv{ip.version}")
        hosts.append(f"[{ip}]:{port}" if ip.version == 6 else f"{ip}:{port}")
    if len(families) > 1:
        raise ValueError("address: found IPv4 and IPv6 in one list, expected one kind")
    return f"{families.pop()}:{','.join(hosts)}"


def _with_port(address: str) -> str:
    if not address.strip():
        raise ValueError("address: found an empty one, expected HOST:PORT")
    if "/" in address or address.startswith(("ipv4:", "ipv6:", "unix:", "dns:")):
        return address
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        return f"{address}:{DEFAULT_PORT}"
    if ":" in host and not host.startswith("["):  # a bare IPv6 address
        return f"[{address}]:{DEFAULT_PORT}"
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"address: found the port {port!r}, expected 1 to 65535")
    return address


def _is_local(target: str) -> bool:
    if target.startswith("unix:"):
        return True
    kind, _, rest = target.partition(":")
    hosts = rest.split(",") if kind in ("ipv4", "ipv6") else [target.split("/")[-1]]
    for one in hosts:
        host = one.rpartition(":")[0].strip("[]")
        if host == "localhost":
            continue
        try:
            if not ipaddress.ip_address(host).is_loopback:
                return False
        except ValueError:
            return False
    return True


def _options(max_attempts: int, tls: Union[bool, Tls]) -> Tuple[Tuple[str, Any], ...]:
    if not 1 <= max_attempts <= 5:
        raise ValueError(f"max_attempts: found {max_attempts}, allowed 1 to 5")
    options: List[Tuple[str, Any]] = [
        # The server has limited the question, and so the answer.
        ("grpc.max_receive_message_length", -1),
        # Finds a server that is gone without a word, in calls that wait, within
        # 8 s. Servers close on who pings more often than each 2 s.
        ("grpc.keepalive_time_ms", 5_000),
        ("grpc.keepalive_timeout_ms", 3_000),
        ("grpc.http2.max_pings_without_data", 0),
        # By default 1 s to 2 minutes: a server that is replaced is back in seconds.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
    ]
    if max_attempts == 1:
        options.append(("grpc.enable_retries", 0))
        options.append(("grpc.lb_policy_name", "round_robin"))
    else:
        config = importlib.resources.files(__package__) / "_wire/service_config.json"
        text = config.read_text(encoding="utf-8")
        text = text.replace('"maxAttempts": 5', f'"maxAttempts": {max_attempts}')
        options.append(("grpc.service_config", text))
    if isinstance(tls, Tls) and tls.server_name is not None:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    return tuple(options)


def _credentials(tls: Union[bool, Tls]) -> grpc.ChannelCredentials:
    if not isinstance(tls, Tls):
        tls = Tls()
    if (tls.certificate is None) != (tls.key is None):
        raise ValueError("tls: found one of certificate and key, expected both")
    return grpc.ssl_channel_credentials(
        root_certificates=_read("tls.ca", tls.ca),
        private_key=_read("tls.key", tls.key),
        certificate_chain=_read("tls.certificate", tls.certificate),
    )


def _read(name: str, source: Optional[PathOrBytes]) -> Optional[bytes]:
    if source is None or isinstance(source, bytes):
        return source
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise ValueError(f"{name}: cannot read {os.fspath(source)!r}: {error}") from None
