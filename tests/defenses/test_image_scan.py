"""When a scan report is about what is pinned, as far as manifests tell, and what makes a report worth something."""

import json
from datetime import date
from typing import Any

import pytest

from chaos.defenses import audit, strip
from chaos.manifests import Manifests, parse
from chaos.scans import Unreadable, digest_of, read
from tests.defenses.manifests import DIGEST, SCAN, sound

OTHER = "b" * 64
HOLE = {"VulnerabilityID": "CVE-2026-1", "PkgName": "libc6", "Severity": "CRITICAL", "FixedVersion": "2.41"}


def report(**changes: Any) -> str:
    return json.dumps({**json.loads(SCAN), **changes})


def holes(*found: dict[str, str]) -> str:
    return report(Results=[{"Class": "os-pkgs", "Vulnerabilities": list(found)}])


def with_report(text: str, name: str = "scan") -> Manifests:
    """The sound manifests with another report in place of theirs, or beside it."""
    carrier = f"""
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}, labels: {{seawall.dev/scan-report: "true"}}}}
data: {{x: {json.dumps(text)}}}
"""
    return tuple(m for m in sound() if m.name != name) + parse(carrier, "scan.yaml")


def rules(manifests: Manifests) -> list[str]:
    return [f.rule for f in audit(manifests)]


class TestAudit:
    def test_a_pinned_image_that_no_report_names_is_found(self) -> None:
        assert rules(with_report(SCAN.replace("a" * 64, OTHER))) == ["image-not-scanned"]
        assert rules(strip(sound(), ["security.scan"])) == ["image-not-scanned"]

    def test_of_an_image_without_a_digest_nothing_can_be_known(self) -> None:
        assert rules(strip(sound(), ["security.image", "security.scan"])) == ["image-digest-missing"]

    def test_what_is_critical_and_could_be_fixed_is_found(self) -> None:
        (found,) = audit(with_report(holes(HOLE)))
        assert (found.rule, found.what) == ("image-critical-fixable", "CVE-2026-1 in libc6, fixed in 2.41")

    @pytest.mark.parametrize("change", [{"Severity": "HIGH"}, {"FixedVersion": ""}])
    def test_the_rest_is_not(self, change: dict[str, str]) -> None:
        assert rules(with_report(holes(HOLE | change))) == []

    def test_the_newest_report_counts(self) -> None:
        old = json.dumps(json.loads(holes(HOLE)) | {"CreatedAt": "2020-01-01T00:00:00Z"})
        assert rules(with_report(old, "old")) == []

    def test_a_report_that_cannot_be_read_is_found_where_it_stands(self) -> None:
        first, second = sorted(audit(with_report("{}")), key=lambda f: f.rule)
        assert (first.rule, second.rule) == ("image-not-scanned", "scan-report-unreadable")
        assert (second.file, second.line) == ("scan.yaml", 5)

    def test_a_configmap_of_another_kind_stays_when_the_reports_go(self) -> None:
        gone = {m.ref for m in sound()} - {m.ref for m in strip(sound(), ["security.scan"])}
        assert gone == {"configmap/scan"}


class TestReading:
    def test_what_is_read_of_a_report(self) -> None:
        scan = read(report(CreatedAt="2026-09-05T23:30:00.123456789-02:00"))
        assert (scan.digests, scan.day, scan.fixable) == ((DIGEST[1:],), date(2026, 9, 6), ())

    def test_it_names_the_image_by_its_own_id_as_well(self) -> None:
        scan = read(report(Metadata={"ImageID": f"sha256:{OTHER}", "RepoDigests": None}))
        assert scan.digests == (f"sha256:{OTHER}",)

    def test_one_without_a_date_is_read(self) -> None:
        assert read(report(CreatedAt=None)).day is None

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "no report",
            "[]",
            "{}",
            report(SchemaVersion=1),
            report(CreatedAt="yesterday"),
            report(Results=None),
            report(Results=[]),
            report(Results=[{"Class": "secret"}]),
            report(Results=[{"Class": "os-pkgs", "Vulnerabilities": [{}]}]),
        ],
    )
    def test_what_proves_nothing_is_refused(self, text: str) -> None:
        """Also a report that looked for other things than vulnerabilities, or knew nothing in the image to look at."""
        with pytest.raises(Unreadable):
            read(text)

    @pytest.mark.parametrize(
        ("name", "digest"),
        [
            (f"web:1@sha256:{OTHER}", f"sha256:{OTHER}"),
            (f"docker-pullable://web@sha256:{OTHER}", f"sha256:{OTHER}"),
            (f"docker://sha256:{OTHER}", f"sha256:{OTHER}"),
            (f"sha256:{OTHER}", f"sha256:{OTHER}"),
            ("web:1", ""),
            ("web@sha256:abc", ""),
            ("", ""),
        ],
    )
    def test_digests_of_names(self, name: str, digest: str) -> None:
        assert digest_of(name) == digest
