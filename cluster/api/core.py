"""The API without its HTTP face: the store with everything that guards it, put together."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric import ec

from cluster.api.admission import Admission
from cluster.api.admission.certificates import approval, requestor
from cluster.api.admission.claims import default_storage_class, no_resize
from cluster.api.admission.escalation import escalation
from cluster.api.admission.ingress_class import default_ingress_class
from cluster.api.admission.limit_range import limit_bounds, limit_defaults
from cluster.api.admission.namespace import namespace_lifecycle, namespace_survival
from cluster.api.admission.pod_resize import pod_resize
from cluster.api.admission.pod_security import pod_security
from cluster.api.admission.priority import priority
from cluster.api.admission.quota import resource_quota
from cluster.api.admission.service_account import service_account
from cluster.api.admission.services import allocate_addresses
from cluster.api.admission.tolerations import default_toleration_seconds
from cluster.api.auth import AUTHENTICATED, Authenticator
from cluster.api.authorize import MASTERS, Authorizer
from cluster.api.bootstrap.objects import first_objects
from cluster.api.context import Cluster, User
from cluster.api.kinds import Kinds
from cluster.api.local import LocalClient
from cluster.api.metrics import Metrics
from cluster.api.resources import componentstatuses, registry
from cluster.api.resources.metrics import NODE_METRICS, POD_METRICS
from cluster.api.subresources import Subresources
from cluster.api.tokens import Tokens
from cluster.api.verbs import Verbs
from cluster.config import ClusterConfig
from cluster.nodeservice import Meter
from cluster.store import Entry, Store


class Core:
    """One cluster's state and rules, with the first objects in place."""

    def __init__(
        self,
        config: ClusterConfig,
        nodes: Mapping[str, Meter] = MappingProxyType({}),
        *,
        clock: Callable[[], float] = time.time,
        chance: random.Random | None = None,
    ) -> None:
        store = Store()
        self.metrics = Metrics(store, nodes)
        self.cluster = Cluster(
            config=config,
            store=store,
            resources=Kinds(registry, store),
            clock=clock,
            random=chance or random.SystemRandom(),
            computed={
                NODE_METRICS.key: self.metrics.node_metrics,
                POD_METRICS.key: self.metrics.pod_metrics,
                componentstatuses.RESOURCE.key: lambda _: [Entry(o, 0) for o in componentstatuses.every()],
            },
        )
        tokens = Tokens(ec.generate_private_key(ec.SECP256R1()))
        self.authorizer = Authorizer(self.cluster.store)
        self.authenticator = Authenticator(store=self.cluster.store, tokens=tokens)
        self.verbs = Verbs(self.cluster, _admission(self.cluster, self.authorizer))
        self.subresources = Subresources(self.verbs, tokens)
        client = self.client("system:apiserver")
        for resource, namespace, obj in first_objects():
            client.create(resource, obj, namespace)

    def client(self, user: str, groups: Sequence[str] = (MASTERS,)) -> LocalClient:
        """The API in-process as `user`; by default as one who may do everything."""
        who = User(user, frozenset({*groups, AUTHENTICATED}))
        return LocalClient(self.verbs, self.authorizer, self.subresources, who)


def _admission(cluster: Cluster, authorizer: Authorizer) -> Admission:
    return Admission(
        cluster,
        mutators=(
            namespace_lifecycle,
            service_account,
            default_toleration_seconds,
            priority,
            limit_defaults,
            default_storage_class,
            default_ingress_class,
            allocate_addresses,
            requestor,
        ),
        reviewers=(
            namespace_survival,
            escalation(authorizer),
            approval(authorizer),
            limit_bounds,
            no_resize,
            pod_security,
            pod_resize,
            resource_quota,
        ),
    )
