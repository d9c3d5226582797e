"""What stands between a well-formed write and the store: plug-ins that complete an object or refuse it.

One plug-in a file, each a function of the cluster and the write. Those that mutate run before validation, those that
review run on the complete object; a reviewer never changes it. A refusal is an `ApiError`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cluster.api.context import Cluster, Write

Plugin = Callable[[Cluster, Write], None]


@dataclass(frozen=True, slots=True)
class Admission:
    cluster: Cluster
    mutators: Sequence[Plugin]
    reviewers: Sequence[Plugin]

    def mutate(self, write: Write) -> None:
        for plugin in self.mutators:
            plugin(self.cluster, write)

    def review(self, write: Write) -> None:
        for plugin in self.reviewers:
            plugin(self.cluster, write)
