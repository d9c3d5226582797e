"""Scan reports, a part of `security`: somebody has looked at the very bytes that are pinned, and nothing grave is left.

How old a report may be is no question to a file, which has no today: `image-inquiry` asks it of what runs.
"""

from collections.abc import Iterator

from chaos.defenses.kind import Check, Rule
from chaos.manifests import Container, Manifest, Manifests, containers, mapping, of_kind, remembered, workloads
from chaos.scans import LABEL, Scan, carried, digest_of, newest

NOT_SCANNED = Rule(
    "image-not-scanned",
    "Nobody has looked at what is in these bytes; a hole that the world has known for months may run in production.",
    f'Scan the image by its digest, and keep the report in a ConfigMap labelled {LABEL}: "true".',
)
FIXABLE = Rule(
    "image-critical-fixable",
    "A critical vulnerability is known and so is its cure: whoever reads the same report can make use of it.",
    "Build on a base image that has the fixed version, pin its digest and scan it.",
)
UNREADABLE = Rule(
    "scan-report-unreadable",
    "A report that cannot be read proves nothing of any image.",
    "Store what `trivy image --format json` writes, as it is: one report under each key of the ConfigMap's data.",
)


def checks(manifests: Manifests) -> Iterator[Check]:
    for workload in workloads(manifests):
        for container in containers(workload.data):
            if digest := digest_of(str(container.spec.get("image") or "")):
                yield from _container(workload, container, digest, _scans(manifests))
    for manifest in of_kind(manifests, "ConfigMap"):
        if _carries(manifest):
            yield from _unreadable(manifest)


def _container(
    workload: Manifest, container: Container, digest: str, scans: dict[tuple[str, str], list[Scan]]
) -> Iterator[Check]:
    def check(rule: Rule, ok: bool, what: str) -> Check:
        path = (*container.path, "image")
        return Check(rule=rule, manifest=workload, ok=ok, what=what, path=path, container=container.name, fixable=False)

    scan = newest(scans.get((workload.namespace, digest), ()))
    yield check(NOT_SCANNED, scan is not None, f"no scan report names {digest}")
    if scan:
        yield check(FIXABLE, not scan.fixable, "; ".join(scan.fixable))


def _unreadable(manifest: Manifest) -> Iterator[Check]:
    for key, found in carried(manifest.data).items():
        what, path = f"{key}: {found}", ("data", key)
        ok = isinstance(found, Scan)
        yield Check(rule=UNREADABLE, manifest=manifest, ok=ok, what="" if ok else what, path=path, fixable=False)


@remembered
def _scans(manifests: Manifests) -> dict[tuple[str, str], list[Scan]]:
    """The reports of each namespace, under every digest that they name."""
    found: dict[tuple[str, str], list[Scan]] = {}
    for manifest in filter(_carries, of_kind(manifests, "ConfigMap")):
        scans = [scan for scan in carried(manifest.data).values() if isinstance(scan, Scan)]
        for digest, scan in ((digest, one) for one in scans for digest in one.digests):
            found.setdefault((manifest.namespace, digest), []).append(scan)
    return found


def _carries(manifest: Manifest) -> bool:
    return manifest.kind == "ConfigMap" and mapping(manifest.data, "metadata", "labels").get(LABEL) == "true"


def strip(manifests: Manifests) -> Manifests:
    return tuple(m for m in manifests if not _carries(m))
