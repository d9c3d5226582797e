"""What an API says of objects that it refuses, and of those that it takes with a warning."""

from collections.abc import Mapping
from typing import Any

import pytest

from cluster.api.context import User
from cluster.api.core import Core
from cluster.api.verbs import WriteOptions
from cluster.client import Invalid, Obj

NAMESPACE = "default"


def made(core: Core, key: str, obj: Obj) -> tuple[Obj, list[str]]:
    """The object as it is stored, and the warnings."""
    options = WriteOptions(user=User("system:test", groups=frozenset({"system:masters"})))
    resource = core.verbs.resource(key)
    entry = core.verbs.create(resource, NAMESPACE if resource.namespaced else "", obj, options)
    return entry.object, options.warnings


def changed(core: Core, key: str, name: str, **spec: Any) -> list[str]:
    """What is wrong with an update of these fields of a spec; nothing, if it was made."""
    options = WriteOptions(user=User("system:test", groups=frozenset({"system:masters"})))
    resource = core.verbs.resource(key)
    namespace = NAMESPACE if resource.namespaced else ""

    def edit(obj: Obj) -> Obj:
        return {**obj, "spec": {**obj["spec"], **spec}}

    try:
        core.verbs.edit(resource, namespace, name, edit, options)
    except Invalid as error:
        return [f"{cause.field}: {cause.message}" for cause in error.causes]
    return []


def wrong(core: Core, key: str, obj: Obj) -> list[str]:
    """What is wrong with a new object, in order: `field: message`."""
    with pytest.raises(Invalid) as refused:
        made(core, key, obj)
    return [f"{cause.field}: {cause.message}" for cause in refused.value.causes]


def warned(core: Core, key: str, obj: Obj) -> list[str]:
    return made(core, key, obj)[1]


def named(name: str = "x", spec: Mapping[str, Any] | None = None, **fields: Any) -> Obj:
    return {"metadata": {"name": name}, **({} if spec is None else {"spec": dict(spec)}), **fields}


def template(**spec: Any) -> Obj:
    """A pod template whose label is app=x."""
    containers = spec.pop("containers", None) or [{"name": "c", "image": "i"}]
    return {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": containers, **spec}}


SELECTOR: Obj = {"matchLabels": {"app": "x"}}
EMPTY_LABEL = (
    "name part must be non-empty",
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
)
NO_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
NO_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
NO_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
NO_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
