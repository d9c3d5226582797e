"""What a container may do to its node, what is in its image and who has looked, and whom its pods may talk to."""

from chaos.defenses import container_context, image_pin, image_scan, ingress_tls, network_policy
from chaos.defenses.kind import Defense, Item
from chaos.judging.security import judge
from chaos.manifests import Manifests


def _unfixable(manifests: Manifests) -> Manifests:
    """A digest, a scan and a certificate are facts, and no manifest tells them."""
    return manifests


SECURITY = Defense(
    name="security",
    title="Security context, images and network policies",
    items=(
        Item(
            name="context",
            checks=container_context.checks,
            strip=container_context.strip,
            fix=container_context.fix,
        ),
        Item(name="image", checks=image_pin.checks, strip=image_pin.strip, fix=_unfixable),
        Item(name="scan", checks=image_scan.checks, strip=image_scan.strip, fix=_unfixable),
        Item(
            name="network-policy",
            checks=network_policy.checks,
            strip=network_policy.strip,
            fix=network_policy.fix,
        ),
        Item(name="ingress-tls", checks=ingress_tls.checks, strip=ingress_tls.strip, fix=_unfixable),
    ),
    judge=judge,
)
