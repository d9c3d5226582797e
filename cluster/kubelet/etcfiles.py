"""/etc/hosts, /etc/resolv.conf and /etc/hostname of a pod, as text. Pure."""

from cluster.client import Obj
from cluster.config import CLUSTER_DOMAIN, DNS_SERVICE_ADDRESS
from cluster.kubelet import podspec

_HOSTS = """\
# Kubernetes-managed hosts file{whose}.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


def hosts(pod: Obj, address: str) -> str:
    """The pod's own names and its hostAliases; in its node's network, the node's name instead."""
    shared = podspec.on_host_network(pod)
    name = podspec.hostname(pod)
    domain = "" if shared else podspec.host_domain(pod, CLUSTER_DOMAIN)
    names = [f"{name}.{domain}", name] if domain else [name]
    own = "\t".join([address, *names])
    aliases = pod["spec"].get("hostAliases") or []
    lines = ["\t".join([alias["ip"], *(alias.get("hostnames") or ())]) for alias in aliases]
    added = "".join(f"{line}\n" for line in ["", "# Entries added by HostAliases.", *lines]) if lines else ""
    return f"{_HOSTS.format(whose=' (host network)' if shared else '')}{own}\n{added}"


def resolv_conf(pod: Obj) -> str:
    """By dnsPolicy and dnsConfig. There is no resolver outside: "Default" gives an empty list of servers.

    So does "ClusterFirst" in the node's network, where the cluster's names want "ClusterFirstWithHostNet".
    """
    policy = pod["spec"].get("dnsPolicy", "ClusterFirst")
    outside = policy == "ClusterFirst" and podspec.on_host_network(pod)
    named = policy.startswith("ClusterFirst") and not outside
    servers, searches, options = _cluster(pod) if named else ([], [], {})
    extra: Obj = pod["spec"].get("dnsConfig") or {}
    servers = list(dict.fromkeys(servers + (extra.get("nameservers") or [])))
    searches = list(dict.fromkeys(searches + (extra.get("searches") or [])))
    options = options | {o["name"]: o.get("value", "") for o in extra.get("options") or ()}
    lines = [f"search {' '.join(searches)}"] if searches else []
    lines += [f"nameserver {server}" for server in servers]
    if options:
        lines.append("options " + " ".join(f"{k}:{v}" if v else k for k, v in options.items()))
    return "".join(f"{line}\n" for line in lines)


def _cluster(pod: Obj) -> tuple[list[str], list[str], dict[str, str]]:
    namespace = pod["metadata"]["namespace"]
    searches = [f"{namespace}.svc.{CLUSTER_DOMAIN}", f"svc.{CLUSTER_DOMAIN}", CLUSTER_DOMAIN]
    return [DNS_SERVICE_ADDRESS], searches, {"ndots": "5"}
