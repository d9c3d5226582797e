"""What type a value is of, once it is there."""

from fractions import Fraction
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Any
from urllib.parse import SplitResult

from cluster.api.custom.cel.library.formats import Format
from cluster.api.custom.cel.library.versions import Version
from cluster.api.custom.cel.values import (
    Duration,
    KeyedList,
    Optional,
    Record,
    SetList,
    Timestamp,
    TypeValue,
    Uint,
)

_KINDS: dict[type, str] = {
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    type(None): "null_type",
    list: "list",
    SetList: "list",
    KeyedList: "list",
    dict: "map",
    Record: "map",
    Timestamp: "timestamp",
    Duration: "duration",
    TypeValue: "type",
    Optional: "optional_type",
    Fraction: "kubernetes.Quantity",
    SplitResult: "kubernetes.URL",
    Format: "kubernetes.NamedFormat",
    Version: "kubernetes.Semver",
    IPv4Address: "net.IP",
    IPv6Address: "net.IP",
    IPv4Interface: "net.CIDR",
    IPv6Interface: "net.CIDR",
}
TYPES = {
    **{name: name for name in ("bool", "int", "uint", "double", "string", "bytes", "null_type", "list", "map", "type")},
    "google.protobuf.Timestamp": "timestamp",
    "google.protobuf.Duration": "duration",
    **{
        name: name
        for name in (
            "optional_type",
            "net.IP",
            "net.CIDR",
            "kubernetes.URL",
            "kubernetes.Quantity",
            "kubernetes.Semver",
        )
    },
}
"""What types are called where they are values, and here."""


def kind(value: Any) -> str:
    """The name of its type without what the type is made of."""
    return _KINDS[type(value)]
