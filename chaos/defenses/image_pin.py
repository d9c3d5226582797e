"""Which bytes run, a part of `security`: an image by its digest is the one that was tested, a tag may move."""

from collections.abc import Iterator

from chaos.defenses.kind import Check, Rule
from chaos.manifests import Container, Manifest, Manifests, containers, each_container, workloads

MOVING_TAG = Rule(
    "image-tag-moves",
    "Without a tag, or with latest, two nodes run two versions and a rollback brings back nothing.",
    "Name a version.",
)
NO_DIGEST = Rule(
    "image-digest-missing",
    "A tag can be pushed again: what runs is not what was tested and scanned.",
    "Pin the image as name:tag@sha256:….",
)


def image_tag(image: str) -> str:
    """The tag of an image reference; `host:5000/app` has none."""
    _, colon, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return tag if colon else ""


def checks(manifests: Manifests) -> Iterator[Check]:
    for workload in workloads(manifests):
        for container in containers(workload.data):
            image = str(container.spec.get("image") or "")
            digest = "@sha256:" in image

            def check(rule: Rule, ok: bool, what: str, c: Container = container, w: Manifest = workload) -> Check:
                path = (*c.path, "image")
                return Check(rule=rule, manifest=w, ok=ok, what=what, path=path, container=c.name, fixable=False)

            if not digest and image_tag(image) in ("", "latest"):
                yield check(MOVING_TAG, False, f"image {image or 'unset'}")
            yield check(NO_DIGEST, digest, f"image {image or 'unset'}")


def strip(manifests: Manifests) -> Manifests:
    """The digest goes, the tag stays: what can still be pulled, and moves."""

    def unpin(container: Container) -> None:
        if "@" in str(container.spec.get("image")):
            container.spec["image"] = container.spec["image"].partition("@")[0]

    return each_container(manifests, unpin)
