"""The target rolled out anew with nothing changed, as `kubectl rollout restart` does: shared by `rollout` and
`cold-start`.
"""

from chaos.faults.kind import Arena, FaultRefused

RESTARTED = "seawall.dev/restarted"
KINDS = {"deployment": "deployments", "statefulset": "statefulsets"}


def path_of_target(arena: Arena) -> str:
    """Where the target is found. Raises `FaultRefused` for one that cannot be rolled out."""
    kind, _, name = arena.target.partition("/")
    if kind not in KINDS:
        raise FaultRefused(f"{arena.target} cannot be rolled out; this fault needs a Deployment or a StatefulSet")
    return f"/apis/apps/v1/namespaces/{arena.namespace}/{KINDS[kind]}/{name}"


def restart(arena: Arena, path: str) -> None:
    """Nothing to be undone: pods of the very same kind take the place of the old ones."""
    mark = {"metadata": {"annotations": {RESTARTED: f"{arena.random.getrandbits(32):08x}"}}}
    arena.kube.merge(path, {"spec": {"template": mark}})
