"""The effective securityContext of a container: its own over its pod's over its image's. Pure."""

from typing import Any, Literal, NamedTuple

from cluster.client import Obj
from cluster.kubelet.errors import StartRefused, config_error
from cluster.kubelet.names import full_name
from cluster.kubelet.podspec import all_containers
from cluster.runtime.spec import Image, Security

# The only names an image's config may use: what every stand-in's /etc/passwd has.
KNOWN_USERS = {"root": 0, "nobody": 65534}


class _User(NamedTuple):
    uid: int
    gid: int = 0
    gids: tuple[int, ...] = ()


def effective(pod: Obj, container: Obj, image: Image) -> Security:
    """Raises `StartRefused` in the kubelet's words when runAsNonRoot forbids the user, or for what is not supported."""
    shared: Obj = pod["spec"].get("securityContext") or {}
    own: Obj = container.get("securityContext") or {}
    capabilities = own.get("capabilities") or {}
    user = _user(shared, own, image)
    gid = _either(own, shared, "runAsGroup", user.gid)
    _check_non_root(pod, container, image)
    return Security(
        uid=user.uid,
        gid=gid,
        supplemental_gids=_groups(shared, gid, user.gids),
        read_only_root=bool(own.get("readOnlyRootFilesystem")),
        no_new_privileges=own.get("allowPrivilegeEscalation") is False,
        privileged=bool(own.get("privileged")),
        add_capabilities=tuple(capabilities.get("add") or ()),
        drop_capabilities=tuple(capabilities.get("drop") or ()),
        seccomp=_seccomp(shared, own),
    )


def fs_group(pod: Obj) -> int | None:
    """The group that owns the pod's volumes."""
    found = (pod["spec"].get("securityContext") or {}).get("fsGroup")
    return None if found is None else int(found)


def only_user(pod: Obj) -> int | None:
    """The user that every container of the pod asks to run as, if it is one and the same."""
    shared: Obj = pod["spec"].get("securityContext") or {}
    wanted = {_either(c.get("securityContext") or {}, shared, "runAsUser", None) for c in all_containers(pod)}
    return wanted.pop() if len(wanted) == 1 else None


def _either(own: Obj, shared: Obj, key: str, otherwise: Any) -> Any:
    if own.get(key) is not None:
        return own[key]
    return shared[key] if shared.get(key) is not None else otherwise


def _user(shared: Obj, own: Obj, image: Image) -> _User:
    """Groups as containerd finds them: those that the image's own files give the user, unless it names one."""
    wanted = _either(own, shared, "runAsUser", None)
    if wanted is not None:
        return _known(str(wanted), image)
    name, _, group = image.user.partition(":")
    user = _known(name or "0", image)
    return _User(user.uid, _group(group, image)) if group else user


def _known(name: str, image: Image) -> _User:
    for account in image.accounts:
        if name in (account.name, str(account.uid)):
            return _User(account.uid, account.gid, account.gids)
    if name.isdecimal():
        return _User(int(name))
    if name in KNOWN_USERS and not image.accounts:
        return _User(KNOWN_USERS[name])
    raise StartRefused("CreateContainerError", f"unable to find user {name}: no matching entries in passwd file")


def _group(name: str, image: Image) -> int:
    known = dict(image.groups) if image.accounts else KNOWN_USERS
    if name in known:
        return known[name]
    if name.isdecimal():
        return int(name)
    raise StartRefused("CreateContainerError", f"unable to find group {name}: no matching entries in group file")


def _check_non_root(pod: Obj, container: Obj, image: Image) -> None:
    shared: Obj = pod["spec"].get("securityContext") or {}
    own: Obj = container.get("securityContext") or {}
    if not _either(own, shared, "runAsNonRoot", False):
        return
    where = f'(pod: "{full_name(pod)}", container: {container["name"]})'
    wanted = _either(own, shared, "runAsUser", None)
    if wanted is not None:
        if int(wanted) == 0:
            raise config_error(f"container's runAsUser breaks non-root policy {where}")
        return
    name = image.user.partition(":")[0]
    if name in ("", "0", "root"):
        raise config_error(f"container has runAsNonRoot and image will run as root {where}")
    if not name.isdecimal():
        why = f"image has non-numeric user ({name}), cannot verify user is non-root"
        raise config_error(f"container has runAsNonRoot and {why} {where}")


def _groups(shared: Obj, own: int, of_user: tuple[int, ...]) -> tuple[int, ...]:
    """The own group is one of them, too, as containerd sees to it."""
    group = shared.get("fsGroup")
    named = [own, *of_user, *(int(gid) for gid in shared.get("supplementalGroups") or ())]
    return tuple(dict.fromkeys(named + ([int(group)] if group is not None else [])))


def _seccomp(shared: Obj, own: Obj) -> Literal["RuntimeDefault", "Unconfined"]:
    profile = _either(own, shared, "seccompProfile", {"type": "Unconfined"})["type"]
    if profile not in ("RuntimeDefault", "Unconfined"):
        raise config_error(f"seccomp profile type {profile} is not supported here: use RuntimeDefault or Unconfined")
    return "RuntimeDefault" if profile == "RuntimeDefault" else "Unconfined"
