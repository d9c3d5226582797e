"""`cluster up | down | status | kubeconfig` and `doctor`."""

import json
import sys
from pathlib import Path
from typing import Literal

from cluster import boot
from cluster.config import IMAGES
from seawall import exits
from seawall.embedded import KEPT_ID, NoUsableCluster, kept_cluster, start


def up() -> int:
    found = kept_cluster()
    if found is None:
        handle = start(boot.plan(KEPT_ID), keep=True)
        path = handle.kubeconfig
        sys.stderr.write("the embedded cluster is up\n")
    else:
        path = found.files.kubeconfig
        sys.stderr.write("the embedded cluster is up already\n")
    sys.stderr.write("try: kubectl --kubeconfig $(seawall cluster kubeconfig) get nodes\n")
    sys.stdout.write(f"{path}\n")
    return exits.MET


def down() -> int:
    found = kept_cluster()
    if found is None:
        sys.stderr.write("no embedded cluster is up\n")
        return exits.MET
    boot.down(found)
    sys.stderr.write("the embedded cluster is down; nothing of it is left\n")
    return exits.MET


def kubeconfig() -> int:
    sys.stdout.write(f"{_kept().files.kubeconfig}\n")
    return exits.MET


def load_image(file: Path, name: str) -> int:
    from cluster.runtime.archive import BadArchive
    from cluster.runtime.loading import load

    store = _kept().config.state_dir / IMAGES
    try:
        names = load(file, store, name)
    except BadArchive as error:
        sys.stderr.write(f"{file} is refused: {error}\n")
        return exits.WRONG_INPUT
    sys.stdout.write("".join(f"loaded {each}\n" for each in names))
    return exits.MET


def switch(name: str, power: Literal["off", "on"]) -> int:
    from chaos.kube import Refused, connect
    from chaos.nodes import NODES, POWER

    kube = connect(kubeconfig=str(_kept().files.kubeconfig))
    try:
        kube.merge(f"{NODES}/{name}", {"metadata": {"annotations": {POWER: power}}})
    except Refused as refusal:
        sys.stderr.write(
            f"{refusal.message}; there are: {', '.join(n['metadata']['name'] for n in kube.list(NODES))}\n"
        )
        return exits.WRONG_INPUT
    sys.stdout.write(f"{name} is {power}\n")
    return exits.MET


def status(format: str) -> int:
    found = _kept()
    nodes = _nodes(str(found.files.kubeconfig))
    if format == "json":
        data = {"id": found.config.id, "kubeconfig": str(found.files.kubeconfig), "nodes": nodes}
        sys.stdout.write(json.dumps(data) + "\n")
        return exits.MET
    sys.stdout.write(f"up; kubeconfig {found.files.kubeconfig}\n")
    for node in nodes:
        state = "Ready" if node["ready"] else "not Ready"
        sys.stdout.write(f"  {node['name']:<8}{node['zone']:<8}  {state:<10}{node['pods']} pods\n")
    return exits.MET


def _kept() -> boot.Found:
    found = kept_cluster()
    if found is None:
        raise NoUsableCluster("no embedded cluster is up; start one with: seawall cluster up")
    return found


def _nodes(kubeconfig: str) -> list[dict[str, object]]:
    from chaos.kube import connect
    from chaos.observe import reduce_node

    kube = connect(kubeconfig=kubeconfig)
    on = [pod["spec"].get("nodeName") for pod in kube.list("/api/v1/pods")]
    return [
        {
            "name": node["metadata"]["name"],
            "zone": node["metadata"]["labels"].get("topology.kubernetes.io/zone", ""),
            "ready": reduce_node(node)["conditions"].get("Ready", {}).get("status") == "True",
            "pods": on.count(node["metadata"]["name"]),
        }
        for node in kube.list("/api/v1/nodes")
    ]


def doctor(format: str) -> int:
    problems = boot.preflight()
    if format == "json":
        data = [{"what": problem.what, "remedy": problem.remedy} for problem in problems]
        sys.stdout.write(json.dumps({"problems": data}) + "\n")
    else:
        for problem in problems:
            sys.stdout.write(f"{problem}\n")
        if not problems:
            sys.stdout.write("this machine can run the embedded cluster\n")
    return exits.NO_CLUSTER if problems else exits.MET
