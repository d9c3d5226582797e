"""Scan reports of images, as a workload carries them: what a scanner found in which bytes, and when. Pure.

A ConfigMap labelled `seawall.dev/scan-report: "true"` holds one report under each of its keys, as `trivy image --format
json` writes it (https://trivy.dev/latest/docs/configuration/reporting/).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

LABEL = "seawall.dev/scan-report"
# A result of one of these classes lists packages that were looked up; secrets and configurations are other searches.
PACKAGES = ("os-pkgs", "lang-pkgs")
_DIGEST = re.compile(r"(?:^|@|://)(sha256:[0-9a-f]{64})$")


class Unreadable(Exception):
    """The text is no report that could prove anything; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One report. `digests` are all by which it names what it looked at: the registry's and the image's own."""

    digests: tuple[str, ...]
    day: date | None
    """When it was made, UTC; None where it does not say."""
    fixable: tuple[str, ...]
    """Each CRITICAL vulnerability for which there is a fixed version: "CVE-2024-1 in openssl, fixed in 3.0.1"."""


class _Vulnerability(BaseModel):
    id: str = Field(alias="VulnerabilityID")
    severity: str = Field(alias="Severity")
    package: str = Field(default="a package", alias="PkgName")
    fixed: str = Field(default="", alias="FixedVersion")


class _Result(BaseModel):
    kind: str = Field(default="", alias="Class")
    vulnerabilities: list[_Vulnerability] | None = Field(default=None, alias="Vulnerabilities")


class _Metadata(BaseModel):
    id: str = Field(default="", alias="ImageID")
    digests: list[str] | None = Field(default=None, alias="RepoDigests")


class _Report(BaseModel):
    version: Literal[2] = Field(alias="SchemaVersion")
    created: AwareDatetime | None = Field(default=None, alias="CreatedAt")
    metadata: _Metadata = Field(alias="Metadata")
    results: list[_Result] | None = Field(default=None, alias="Results")


def digest_of(name: str) -> str:
    """The digest by which an image is called, `sha256:…`; "" for one that is called by a tag."""
    found = _DIGEST.search(name)
    return found[1] if found else ""


def shown(name: str) -> str:
    """An image's name for a line of text: its digest as Docker shows them, the first twelve digits."""
    return re.sub(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}", r"\1…", name)


def carried(configmap: dict[str, Any]) -> dict[str, Scan | Unreadable]:
    """The reports of a ConfigMap, each under its key."""
    data = configmap.get("data")
    return {key: _or_why(str(text)) for key, text in data.items()} if isinstance(data, dict) else {}


def _or_why(text: str) -> Scan | Unreadable:
    try:
        return read(text)
    except Unreadable as why:
        return why


def newest(scans: Iterable[Scan]) -> Scan | None:
    """The one made last; those that do not say when come before all others."""
    return max(scans, key=lambda scan: scan.day or date.min, default=None)


def read(text: str) -> Scan:
    """Raises `Unreadable`."""
    try:
        report = _Report.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise Unreadable(f"{where}: {first['msg']}" if where else first["msg"]) from error
    results = [result for result in report.results or () if result.kind in PACKAGES]
    if not results:
        raise Unreadable("it lists no packages that were looked up: Results has none of class os-pkgs or lang-pkgs")
    named = map(digest_of, (*(report.metadata.digests or ()), report.metadata.id))
    found = [vulnerability for result in results for vulnerability in result.vulnerabilities or ()]
    return Scan(
        digests=tuple(dict.fromkeys(filter(None, named))),
        day=report.created.astimezone(UTC).date() if report.created else None,
        fixable=tuple(f"{v.id} in {v.package}, fixed in {v.fixed}" for v in found if _fixable(v)),
    )


def _fixable(vulnerability: _Vulnerability) -> bool:
    return vulnerability.severity == "CRITICAL" and bool(vulnerability.fixed)
