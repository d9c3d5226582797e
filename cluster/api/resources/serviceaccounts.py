"""ServiceAccounts."""

from cluster.api.resource import Resource

RESOURCE = Resource(plural="serviceaccounts", kind="ServiceAccount", short_names=("sa",), subresources=("token",))
