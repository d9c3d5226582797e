"""Protobuf bodies say the same as their JSON, and damaged ones are refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.api.protobuf import MAGIC, decode_protobuf
from cluster.client import ApiError, BadRequest


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: "bytes | str | int") -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def body(version: str, kind: str, raw: bytes) -> bytes:
    return MAGIC + field(1, field(1, version) + field(2, kind)) + field(2, raw) + field(3, "") + field(4, "")


def test_what_kubectl_asks_about_itself() -> None:
    """`kubectl auth can-i list pods -n shop`."""
    attributes = field(1, "shop") + field(2, "list") + field(3, "") + field(4, "*") + field(5, "pods")
    raw = field(1, b"") + field(2, field(1, attributes)) + field(3, field(1, 0))
    asked = decode_protobuf(body("authorization.k8s.io/v1", "SelfSubjectAccessReview", raw))
    assert asked["kind"] == "SelfSubjectAccessReview"
    assert asked["spec"]["resourceAttributes"] == {
        "namespace": "shop",
        "verb": "list",
        "version": "*",
        "resource": "pods",
    }


def test_nothing_is_nothing_and_zero_is_zero() -> None:
    """Protobuf writes empty words and zeros that JSON leaves out; only what may be zero by intention is kept."""
    port = field(1, "") + field(2, "") + field(3, 80) + field(4, field(1, 0)) + field(5, 0)
    service = decode_protobuf(body("v1", "Service", field(2, field(1, port) + field(7, "") + field(13, 0))))
    assert service["spec"] == {"ports": [{"port": 80}]}
    template = field(1, field(8, b"")) + field(2, field(3, "") + field(4, 0) + field(11, 0))
    deployment = decode_protobuf(body("apps/v1", "Deployment", field(2, field(1, 0) + field(3, template))))
    assert deployment["spec"] == {
        "replicas": 0,
        "template": {"metadata": {}, "spec": {"terminationGracePeriodSeconds": 0}},
    }


def test_options_of_a_deletion() -> None:
    options = decode_protobuf(body("v1", "DeleteOptions", field(1, 0) + field(4, "Foreground")))
    assert options == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "propagationPolicy": "Foreground",
    }


def test_maps_bytes_times_quantities_and_inline_parts() -> None:
    config_map = field(1, field(1, "c") + field(8, field(1, 1_700_000_000))) + field(2, field(1, "k") + field(2, "v"))
    decoded = decode_protobuf(body("v1", "ConfigMap", config_map + field(3, field(1, "b") + field(2, b"\x00"))))
    assert decoded["metadata"] == {"name": "c", "creationTimestamp": "2023-11-14T22:13:20Z"}
    assert decoded["data"] == {"k": "v"}
    assert decoded["binaryData"] == {"b": "AA=="}
    volume = field(1, "v") + field(2, field(2, field(1, "Memory") + field(2, field(1, "1Mi"))))
    port = field(1, field(1, 0) + field(2, 8080))
    probe = field(1, field(3, port)) + field(2, -1)
    pod = field(2, field(1, volume) + field(2, field(1, "c") + field(10, probe)))
    spec = decode_protobuf(body("v1", "Pod", pod))["spec"]
    assert spec["volumes"] == [{"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}]
    assert spec["containers"][0]["livenessProbe"] == {"tcpSocket": {"port": 8080}, "initialDelaySeconds": -1}


def test_a_kind_that_is_not_served_says_the_way_out() -> None:
    with pytest.raises(ApiError, match="send application/json") as refused:
        decode_protobuf(body("example.com/v1", "Widget", b""))
    assert refused.value.code == 415


@pytest.mark.parametrize("data", [b"", b"{}", MAGIC + b"\x0a\xff", MAGIC + b"\x0b", MAGIC + b"\x08" + b"\xff" * 11])
def test_damaged_bodies_are_refused(data: bytes) -> None:
    with pytest.raises(ApiError):
        decode_protobuf(data)


@given(st.binary(max_size=60), st.sampled_from(["Pod", "ConfigMap", "Event", "DeleteOptions"]))
def test_any_bytes_are_read_or_refused(data: bytes, kind: str) -> None:
    with suppress(BadRequest):
        decode_protobuf(body("v1", kind, data))
