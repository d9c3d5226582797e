"""The folder behind a PersistentVolumeClaim.

Volumes that belong to a node (hostPath, local) are folders of that node's own disk, a folder of the cluster: a path in
a manifest never reaches the machine's files. Volumes of the cluster's own driver follow their claim to every node.
"""

from pathlib import Path

from cluster.client import Client, NotFound, Obj
from cluster.config import ClusterConfig
from cluster.kubelet.errors import MountFailed, NotAttached
from cluster.volumes import is_attached


def claim_name(pod: Obj, volume: Obj) -> str:
    """The claim of a persistentVolumeClaim or ephemeral volume."""
    if "ephemeral" in volume:
        return f"{pod['metadata']['name']}-{volume['name']}"
    return str(volume["persistentVolumeClaim"]["claimName"])


def folder_of_claim(client: Client, config: ClusterConfig, node: str, pod: Obj, volume: Obj) -> Path:
    """Where a bound claim's data is. Raises `MountFailed` when there is no such claim or it is not bound, `NotAttached`
    while the control plane has not given its volume to this node."""
    name, namespace = claim_name(pod, volume), pod["metadata"]["namespace"]
    claim = _get(client, "persistentvolumeclaims", name, namespace, volume["name"])
    bound_to = claim["spec"].get("volumeName")
    if claim.get("status", {}).get("phase") != "Bound" or not bound_to:
        raise MountFailed(volume["name"], f'persistentvolumeclaim "{name}" is not bound')
    persistent = _get(client, "persistentvolumes", bound_to, "", volume["name"])
    if "csi" in persistent["spec"] and not is_attached(client.get("nodes", node), persistent):
        raise NotAttached(bound_to)
    return folder_of_volume(config, node, persistent, volume["name"])


def folder_of_volume(config: ClusterConfig, node: str, persistent: Obj, volume: str) -> Path:
    """Where a PersistentVolume's data is. Raises `MountFailed` for a type that this cluster does not have."""
    spec = persistent["spec"]
    own = spec.get("local") or spec.get("hostPath")
    if own:
        return _within(config.state_dir / "nodes" / node / "disk", own["path"], volume)
    if spec.get("csi"):
        return _within(config.state_dir / "volumes", spec["csi"]["volumeHandle"], volume)
    raise MountFailed(volume, f"persistent volume {persistent['metadata']['name']} has no source that this cluster has")


def folder_of_host(config: ClusterConfig, node: str, volume: Obj) -> Path:
    """A hostPath volume: a place on the node's own disk. Raises `MountFailed` for one that must be there and is not."""
    source = volume["hostPath"]
    path = _within(config.state_dir / "nodes" / node / "disk", source["path"], volume["name"])
    match source.get("type") or "DirectoryOrCreate":
        case "DirectoryOrCreate":
            return path
        case "FileOrCreate":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        case "Directory" if not path.is_dir():
            raise _wrong_type(volume, "directory")
        case "File" if not path.is_file():
            raise _wrong_type(volume, "file")
    return path


def _wrong_type(volume: Obj, what: str) -> MountFailed:
    return MountFailed(volume["name"], f"hostPath type check failed: {volume['hostPath']['path']} is not a {what}")


def _within(root: Path, path: str, volume: str) -> Path:
    inside = Path(path.lstrip("/"))
    if ".." in inside.parts:
        raise MountFailed(volume, f"path {path} leaves the disk")
    return root / inside


def _get(client: Client, resource: str, name: str, namespace: str, volume: str) -> Obj:
    try:
        return client.get(resource, name, namespace)
    except NotFound as absent:
        raise MountFailed(volume, absent.message) from absent
