"""The rules of a Service's cluster IPs and their families, and of what may become of them."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, duplicate, invalid, not_supported, required
from cluster.api.resources.addresses import HEADLESS
from cluster.api.resources.checks import check_optional_enum
from cluster.api.resources.ip_rules import check_ip, parse_ip
from cluster.client import Obj

FAMILIES, POLICIES = ("IPv4", "IPv6"), ("PreferDualStack", "RequireDualStack", "SingleStack")
_KEPT = "may not change once set"
_RELEASED = "must be set to 'SingleStack' when releasing the secondary"


def is_headless(spec: Obj) -> bool:
    return bool(spec.get("clusterIPs") == [HEADLESS])


def check_addresses(spec: Obj, known: list[str]) -> Iterator[FieldError]:
    """`known`: the addresses that it had before."""
    if spec["type"] == "ExternalName":
        return
    addresses, families = spec.get("clusterIPs") or [], spec.get("ipFamilies") or []
    yield from _check_first(spec.get("clusterIP") or "", addresses)
    for i, family in enumerate(families):
        if family not in FAMILIES:
            yield not_supported(f"spec.ipFamilies[{i}]", family, FAMILIES)
        if family in families[:i]:
            yield duplicate(f"spec.ipFamilies[{i}]", family)
    yield from check_optional_enum(spec, "spec", "ipFamilyPolicy", POLICIES)
    yield from (wrong := list(_check_each(addresses, known)))
    if len(addresses) > 2:
        yield invalid("spec.clusterIPs", addresses, "may only hold up to 2 values")
    if not wrong and not is_headless(spec):
        yield from _check_families(addresses, families)


def _check_first(address: str, addresses: list[str]) -> Iterator[FieldError]:
    if address and not addresses:
        yield required("spec.clusterIPs")
    elif address and addresses[0] != address:
        yield invalid("spec.clusterIPs", addresses, "first value must match `clusterIP`")
    elif addresses and not address:
        yield invalid("spec.clusterIPs", addresses, "must be empty when `clusterIP` is not specified")


def _check_each(addresses: list[str], known: list[str]) -> Iterator[FieldError]:
    for i, address in enumerate(addresses):
        if i or address != HEADLESS:
            yield from check_ip(address, f"spec.clusterIPs[{i}]", known)
        elif len(addresses) > 1:
            yield invalid("spec.clusterIPs", addresses, "'None' must be the first and only value")


def _check_families(addresses: list[str], families: list[str]) -> Iterator[FieldError]:
    versions = [f"IPv{address.version}" for address in map(parse_ip, addresses) if address is not None]
    if len(versions) > 1 and len(set(versions)) < 2:
        yield invalid("spec.clusterIPs", addresses, "may specify no more than one IP for each IP family")
    for i, (address, family, version) in enumerate(zip(addresses, families, versions, strict=False)):
        if family in FAMILIES and family != version:
            yield invalid(
                f"spec.clusterIPs[{i}]", address, f"expected an {family} value as indicated by `ipFamilies[{i}]`"
            )


def check_addresses_kept(spec: Obj, old: Obj) -> Iterator[FieldError]:
    """An address stays as long as the type has one."""
    if "ExternalName" in (spec["type"], old["type"]):
        return
    if not (is_headless(spec) and is_headless(old)):
        yield from _check_kept(spec, old)
    if not is_headless(spec) and not is_headless(old):
        yield from _check_families_kept(spec, old)


def _check_kept(spec: Obj, old: Obj) -> Iterator[FieldError]:
    now, before = spec.get("clusterIPs") or [], old.get("clusterIPs") or []
    if len(now) == len(before):
        for i, (address, was) in enumerate(zip(now, before, strict=True)):
            if address != was:
                yield invalid(f"spec.clusterIPs[{i}]", now, _KEPT)
        return
    if before and not now:
        yield invalid("spec.clusterIPs[0]", now, "primary clusterIP can not be unset")
    if before and now and now[0] != before[0]:
        yield invalid("spec.clusterIPs[0]", now, _KEPT)
    if len(before) > len(now) == 1 and spec.get("ipFamilyPolicy") != "SingleStack":
        yield invalid("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), f"{_RELEASED} clusterIP")


def _check_families_kept(spec: Obj, old: Obj) -> Iterator[FieldError]:
    now, before = spec.get("ipFamilies") or [], old.get("ipFamilies") or []
    if len(now) == len(before):
        yield from (invalid("spec.ipFamilies[0]", now, _KEPT) for a, b in zip(now, before, strict=True) if a != b)
        return
    if now and before and now[0] != before[0]:
        yield invalid("spec.ipFamilies[0]", spec.get("clusterIPs") or [], _KEPT)
    if len(before) > len(now) == 1 and spec.get("ipFamilyPolicy") != "SingleStack":
        yield invalid("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), f"{_RELEASED} ipFamily")
