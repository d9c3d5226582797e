"""What the runtime says of real containers: of a tag, of a stand-in, and of an image with bytes of its own."""

import json
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from chaos.faults.image_inquiry import IMAGE_INQUIRY, ImageInquiry
from chaos.faults.kind import FaultRefused, Sighting
from chaos.kube import Kube, Obj, connect
from cluster import boot
from cluster.boot import Handle
from cluster.config import IMAGES
from cluster.runtime.loading import load
from loadgen.units import Duration
from tests.faults.stage import Stage, deployment, stage
from tests.runtime.archives import folder, oci_archive, tar, userland

pytestmark = pytest.mark.root
DIGEST = f"sha256:{'a' * 64}"


@pytest.fixture(scope="module")
def handle() -> Iterator[Handle]:
    with tempfile.TemporaryDirectory(prefix="seawall-test-") as root:
        with boot.start(boot.plan(root=Path(root))) as found:
            yield found
        boot.sweep(Path(root))


@pytest.fixture(scope="module")
def kube(handle: Handle) -> Kube:
    return connect(kubeconfig=str(handle.kubeconfig))


def web(image: str, **pod: Any) -> Obj:
    return deployment(containers=[{"name": "web", "image": image, "command": ["/bin/sleep", "600"]}], **pod)


def reports(*texts: str, label: str = "true", name: str = "scan") -> Obj:
    metadata = {"name": name, "labels": {"seawall.dev/scan-report": label}}
    data = {str(number): text for number, text in enumerate(texts)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def seen(found: Stage) -> Sighting:
    (injury,) = IMAGE_INQUIRY.inject(found.arena, ImageInquiry())
    return IMAGE_INQUIRY.witness(found.arena, ImageInquiry(), injury)


def told(look: Sighting) -> list[tuple[str, str]]:
    return [(container["container"], container["told"]) for container in look.data["running"]]


def test_of_a_tag_the_runtime_names_what_it_runs(kube: Kube) -> None:
    with stage(kube, [web("python:3.12-slim")]) as found:
        look = seen(found)
        assert (look.ok, look.data["reports"]) == (True, [])
        ((_, named),) = told(look)
        assert named.startswith("sha256:")


def test_a_stand_in_says_that_it_stands_in_for_the_digest(kube: Kube) -> None:
    with stage(kube, [web(f"python:3.12-slim@{DIGEST}")]) as found:
        assert told(seen(found)) == [("web", f"stand-in.seawall.dev/python@{DIGEST}")]


def test_an_image_with_bytes_of_its_own_is_named_by_their_digest(kube: Kube, handle: Handle, tmp_path: Path) -> None:
    """By tag or by digest: what is computed from the archive is what the runtime says."""
    archive = oci_archive(tmp_path / "shop.tar", tar(folder("bin"), *userland()))
    tag, index, manifest = load(archive, handle.config.state_dir / IMAGES)
    assert tag == "docker.io/library/shop:1"
    for asked, named in ((tag, index), (index, index), (f"shop:1@{manifest.partition('@')[2]}", manifest)):
        with stage(kube, [web(asked)]) as found:
            assert told(seen(found)) == [("web", named)]


def test_sidecars_are_asked_about_and_what_has_ended_is_not(kube: Kube) -> None:
    done = {"name": "done", "image": "busybox", "command": ["true"]}
    beside = {"name": "beside", "image": "busybox", "command": ["sleep", "600"], "restartPolicy": "Always"}
    with stage(kube, [web("python:3", initContainers=[done, beside])]) as found:
        assert [name for name, _ in told(seen(found))] == ["beside", "web"]


def test_reports_are_found_by_their_label_and_read(kube: Kube) -> None:
    hole = {"VulnerabilityID": "CVE-1", "PkgName": "x", "Severity": "CRITICAL", "FixedVersion": "2"}
    good = json.dumps(
        {
            "SchemaVersion": 2,
            "CreatedAt": "2026-09-05T06:00:00Z",
            "Metadata": {"RepoDigests": [f"python@{DIGEST}"]},
            "Results": [{"Class": "os-pkgs", "Vulnerabilities": [hole]}],
        }
    )
    other = reports(good, label="false", name="other")
    with stage(kube, [web("python:3"), reports(good, "{"), other]) as found:
        first, second = seen(found).data["reports"]
    fixable = ["CVE-1 in x, fixed in 2"]
    assert first == {"name": "scan/0", "digests": [DIGEST], "day": "2026-09-05", "fixable": fixable}
    assert (second["name"], "JSON" in second["problem"]) == ("scan/1", True)


def test_where_nothing_runs_there_is_nothing_to_ask(kube: Kube) -> None:
    nowhere = web("python:3", nodeSelector={"no": "node"})
    with stage(kube, [nowhere], pods=0) as found, pytest.raises(FaultRefused, match="no container of deployment/web"):
        IMAGE_INQUIRY.inject(found.arena, ImageInquiry())


def test_parameters_are_read_as_they_are_written() -> None:
    params = ImageInquiry.model_validate({"max_age": "7d", "day": "2026-09-15"})
    assert (params.max_age, params.day) == (Duration(7 * 86400), date(2026, 9, 15))
    assert str(ImageInquiry().max_age) == "30d"
