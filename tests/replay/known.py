"""Where the embedded cluster differs from the recorded one and will: each with its reason."""

from tests.replay.compare import Known

KNOWN: tuple[Known, ...] = (
    Known(
        r"\$\d+ kubectl .* (describe pods|get pods -o yaml) \| (ConfigMapName: openshift-service-ca.crt|ConfigMapOptional: <nil>)",
        "The build that was recorded adds a ConfigMap of its own to the token volume, which Kubernetes does not.",
    ),
)
