"""Ingresses and their classes."""

from cluster.api.tables.duration import age
from cluster.api.tables.table import AGE, NAME, Cells, Column, Table
from cluster.api.tables.text import few, name, or_none
from cluster.client import Obj


def ingress(obj: Obj, now: float) -> Cells:
    spec, balancer = obj.get("spec", {}), obj.get("status", {}).get("loadBalancer", {})
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    addresses = [str(i.get("ip") or i.get("hostname")) for i in balancer.get("ingress") or ()]
    return [
        name(obj),
        or_none(spec.get("ingressClassName")),
        few(hosts, "*"),
        ",".join(addresses),
        "80, 443" if spec.get("tls") else "80",
        age(obj, now),
    ]


def ingress_class(obj: Obj, now: float) -> Cells:
    spec = obj.get("spec", {})
    parameters = spec.get("parameters") or {}
    group = f".{parameters['apiGroup']}" if parameters.get("apiGroup") else ""
    target = f"{parameters['kind']}{group}/{parameters['name']}" if parameters else ""
    return [name(obj), spec.get("controller", ""), or_none(target), age(obj, now)]


INGRESSES = Table((NAME, *(Column(name=n) for n in ("Class", "Hosts", "Address", "Ports")), AGE), ingress)
INGRESS_CLASSES = Table((NAME, Column(name="Controller"), Column(name="Parameters"), AGE), ingress_class)
