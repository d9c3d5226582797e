"""What a storm asks of a cluster, as data: faults carry their own, and `chaos.preflight` adds what manifests ask.

A permission is written as `verb resource[.group][/subresource] [name]`: "create pods/exec", "patch deployments.apps",
"bind clusterroles.rbac.authorization.k8s.io view".
"""

from dataclasses import dataclass

Permissions = frozenset[str]

DEFAULT = ""
"""In place of a class's name: whichever is the default."""

TARGET = "TARGET"
"""In place of a resource: whatever kind the target is."""

CORDON: Permissions = frozenset({"get nodes", "patch nodes"})
# A web socket begins with a GET, and newer clusters ask for `create` as well.
EXEC: Permissions = frozenset({"get pods/exec", "create pods/exec"})
PROXY: Permissions = frozenset({"get pods/proxy", "create pods/proxy"})
NEW_REVISION: Permissions = frozenset({f"get {TARGET}", f"patch {TARGET}"})
# A pod of our own is made once its namespace has an account for it.
STRANGERS: Permissions = frozenset({"list serviceaccounts"})
# What it takes to find out whether NetworkPolicies are enforced, beyond what every run takes.
ENFORCEMENT_TRIAL: Permissions = STRANGERS | {
    f"{verb} networkpolicies.networking.k8s.io" for verb in ("create", "delete")
}
# What joins a pod to trace its processes.
TRACE: Permissions = frozenset({"patch pods/ephemeralcontainers"})
TOKENS: Permissions = frozenset({"create serviceaccounts/token"})


@dataclass(frozen=True, slots=True)
class Attributes:
    """A permission in parts, named as a SubjectAccessReview names them."""

    verb: str
    group: str
    resource: str
    subresource: str
    name: str


def attributes(permission: str) -> Attributes:
    """The parts of a permission as it is written here."""
    verb, _, rest = permission.partition(" ")
    what, _, name = rest.partition(" ")
    named, _, subresource = what.partition("/")
    resource, _, group = named.partition(".")
    return Attributes(verb, group, resource, subresource, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What must be there for a verdict to be possible. `nodes` and `zones` count nodes that take pods."""

    nodes: int = 1
    zones: int = 0
    enforcement: bool = False
    """NetworkPolicies stop packets."""
    metrics: bool = False
    """The resource metrics API, which autoscalers read."""
    storage: frozenset[str] = frozenset()
    """Storage classes by name."""
    ingress: frozenset[str] = frozenset()
    """Ingress classes by name."""
    permissions: Permissions = frozenset()
    without_endpoints: Permissions = frozenset()
    """What it takes besides where the app does not offer the /chaos/ endpoints, which only the app can tell."""
    handed_out: Permissions = frozenset()
    """What the manifests grant: nobody grants what they may not do themselves, unless they may `escalate` or `bind`."""

    wished: Permissions = frozenset()
    """What no verdict needs, and tells more with."""

    @property
    def at_most(self) -> Permissions:
        """Every permission that it may make use of."""
        return self.permissions | self.without_endpoints | self.handed_out | self.wished

    def __or__(self, other: "Needs") -> "Needs":
        """What satisfies both."""
        return Needs(
            nodes=max(self.nodes, other.nodes),
            zones=max(self.zones, other.zones),
            enforcement=self.enforcement or other.enforcement,
            metrics=self.metrics or other.metrics,
            storage=self.storage | other.storage,
            ingress=self.ingress | other.ingress,
            permissions=self.permissions | other.permissions,
            without_endpoints=self.without_endpoints | other.without_endpoints,
            handed_out=self.handed_out | other.handed_out,
            wished=self.wished | other.wished,
        )


NOTHING = Needs()
"""Beyond a node that takes pods."""
