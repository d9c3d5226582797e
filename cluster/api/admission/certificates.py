"""Who asks for a certificate is written by the server; who may approve is whom RBAC lets approve for the signer."""

from collections.abc import Callable

from cluster.api.authorize import Authorizer
from cluster.api.context import Cluster, Write
from cluster.api.errors import forbidden
from cluster.api.rules import Attributes
from cluster.client import Forbidden
from cluster.objects import CERTIFICATE_REQUESTS

_GROUP = "certificates.k8s.io"


def requestor(_cluster: Cluster, write: Write) -> None:
    if write.operation != "CREATE" or write.resource.key != CERTIFICATE_REQUESTS:
        return
    user, spec = write.user, write.obj.setdefault("spec", {})
    spec.update(username=user.name, groups=user.groups_in_order)
    spec.update({"uid": user.uid} if user.uid else {})
    spec.update({"extra": {key: list(values) for key, values in user.extra.items()}} if user.extra else {})


def approval(authorizer: Authorizer) -> Callable[[Cluster, Write], None]:
    """The plug-in, with the authorizer whose word counts."""

    def review(_cluster: Cluster, write: Write) -> None:
        if write.resource.key == CERTIFICATE_REQUESTS and write.subresource == "approval":
            _check(authorizer, write)

    return review


def _check(authorizer: Authorizer, write: Write) -> None:
    signer = write.obj["spec"]["signerName"]
    asked = Attributes(verb="approve", group=_GROUP, resource="signers", name=signer)
    try:
        authorizer.check(write.user, asked)
    except Forbidden:
        why = f'user not permitted to approve requests with signerName "{signer}"'
        raise forbidden(write.resource, write.name, why) from None
