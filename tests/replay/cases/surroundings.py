"""What a container finds around itself: variables, names, users and rights."""

from asyncio import sleep
from typing import Any

from tests.replay.case import Obj, bare, case, shell
from tests.replay.normal import IMAGE
from tests.replay.stage import Stage

PRINT = "import os; [print(f'{k}={v!r}') for k, v in sorted(os.environ.items()) if k[:2] in ('E_', 'P_', '1x', 'a.')]"


def _prints(*env: Obj, **more: Any) -> Obj:
    return {"name": "main", "image": IMAGE, "command": ["python3", "-c", PRINT], "env": [*env], **more}


def _var(name: str, value: str) -> Obj:
    return {"name": f"E_{name}", "value": value}


def _from(name: str, **source: Obj) -> Obj:
    return {"name": f"E_{name}", "valueFrom": source}


def _field(name: str, path: str) -> Obj:
    return _from(name, fieldRef={"fieldPath": path})


def _resource(name: str, resource: str, divisor: str = "") -> Obj:
    return _from(name, resourceFieldRef={"resource": resource, **({"divisor": divisor} if divisor else {})})


AMOUNTS = {"requests": {"cpu": "30m", "memory": "12Mi"}, "limits": {"cpu": "1500m", "memory": "24Mi"}}


ODD_VARIABLES: dict[str, Obj] = {
    "equals": {"name": "a=b", "value": "c"},
    "nameless": {"name": "", "value": "c"},
    "both": {"name": "A", "value": "c", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    "two": {
        "name": "A",
        "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}, "configMapKeyRef": {"name": "a", "key": "b"}},
    },
    "nothing": {"name": "A", "valueFrom": {}},
    "odd-field": {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.containers"}}},
    "all-labels": {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels"}}},
    "odd-resource": {"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.gpu"}}},
    "odd-divisor": {"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "3"}}},
    "odd-key": {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "words", "key": "a b"}}},
}


ODD_NAMES: dict[str, Obj] = {
    "dotted": {"hostname": "a.b"},
    "upper": {"subdomain": "Nest"},
    "no-servers": {"dnsPolicy": "None"},
    "odd-policy": {"dnsPolicy": "Sometimes"},
    "odd-server": {"dnsConfig": {"nameservers": ["here"]}},
    "odd-alias": {"hostAliases": [{"ip": "nowhere", "hostnames": ["a"]}]},
    "odd-alias-name": {"hostAliases": [{"ip": "203.0.113.9", "hostnames": ["a b"]}]},
}


ODD_RIGHTS: dict[str, tuple[Obj, Obj]] = {
    "negative": ({"runAsUser": -1}, {}),
    "too-high": ({}, {"runAsUser": 2**40}),
    "odd-profile": ({"seccompProfile": {"type": "Sometimes"}}, {}),
    "no-profile": ({"seccompProfile": {}}, {}),
    "local-profile": ({"seccompProfile": {"type": "Localhost"}}, {}),
    "odd-policy": ({"fsGroupChangePolicy": "Sometimes"}, {}),
    "both": ({}, {"privileged": True, "allowPrivilegeEscalation": False}),
    "odd-mount": ({}, {"procMount": "Sometimes"}),
    "bare-mount": ({}, {"procMount": "Unmasked"}),
}


@case("environment-kinds")
async def environment(stage: Stage) -> None:
    values = {"plain": "one", "a.dotted": "two", "1x-digit": "three", "multi": "l1\nl2\n", "empty": ""}
    await stage.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "words"}, "data": values},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "more"}, "stringData": {"plain": "secret"}},
    )
    expanded = {
        "A": "a",
        "B": "$(E_A)b",
        "C": "$(E_NONE)",
        "D": "$$(E_A)",
        "E": "$(E_F)",
        "F": "$(E_A",
        "G": "$$$(E_A) $",
        "H": "$E_A ${E_A}",
        "I": "$(E_A)$(E_B)",
    }
    bulk = [
        {"configMapRef": {"name": "words"}},
        {"prefix": "P_", "configMapRef": {"name": "words"}},
        {"prefix": "P_", "secretRef": {"name": "more"}},
        {"prefix": "P_", "secretRef": {"name": "nope", "optional": True}},
    ]
    fields = [
        _field("NAME", "metadata.name"),
        _field("NAMESPACE", "metadata.namespace"),
        _field("LABEL", "metadata.labels['app']"),
        _field("NO_LABEL", "metadata.labels['none']"),
        _field("NODE", "spec.nodeName"),
        _field("ACCOUNT", "spec.serviceAccountName"),
        _field("IP", "status.podIP"),
        _field("IPS", "status.podIPs"),
        _field("HOST", "status.hostIP"),
        _field("HOSTS", "status.hostIPs"),
    ]
    amounts = [
        _resource("CPU", "limits.cpu"),
        _resource("MILLI", "requests.cpu", "1m"),
        _resource("BYTES", "limits.memory"),
        _resource("KIBI", "requests.memory", "1Ki"),
        _resource("GIBI", "limits.memory", "1Gi"),
    ]
    keys = [
        _from("KEY", configMapKeyRef={"name": "words", "key": "plain"}),
        _from("MULTI", configMapKeyRef={"name": "words", "key": "multi"}),
        _from("GONE", configMapKeyRef={"name": "words", "key": "nope", "optional": True}),
        _var("ON_KEY", "$(E_KEY) $(E_GONE) $(P_plain)"),
    ]
    twice = [_var("TWICE", "first"), _var("USE", "$(E_TWICE)"), _var("TWICE", "second"), _var("EMPTY", "")]
    in_command = {"command": ["echo", "$(E_A)", "$(NOPE)", "$$(E_A)"], "args": ["$(E_A)!", "a$(P_plain)"]}
    alone = {"restartPolicy": "Never"}
    await stage.apply(
        bare("expanded", _prints(*(_var(*pair) for pair in expanded.items())), **alone),
        bare("bulk", _prints(*twice, envFrom=bulk), **alone),
        bare("fields", _prints(*fields), **alone),
        bare("amounts", _prints(*amounts, resources=AMOUNTS), **alone),
        bare("keys", _prints(*keys, envFrom=bulk[1:2]), **alone),
        bare("in-command", {**_prints(_var("A", "a"), envFrom=bulk[1:2]), **in_command}, **alone),
        bare("in-probe", _prints(), initContainers=[{**_prints(_var("A", "i")), "name": "first"}], **alone),
    )
    await stage.until_over(7)
    await sleep(1)
    for name in ("expanded", "bulk", "fields", "amounts", "keys", "in-command"):
        await stage.kubectl("logs", name)
    await stage.kubectl("logs", "in-probe", "-c", "first")
    await stage.kubectl("describe", "pod", "keys", "fields", "amounts")
    for name, variable in ODD_VARIABLES.items():
        await stage.create(bare(name, _prints(variable)))


def _asks(name: str, script: str, **spec: Any) -> Obj:
    pod = bare(name, shell("main", f"sleep 1; {script}"), restartPolicy="Never", **spec)
    pod["metadata"]["labels"] = {}
    return pod


LONG = "a-name-that-is-much-longer-than-any-host-name-may-be-in-the-domain-name-system"


@case("host-names")
async def host_names(stage: Stage) -> None:
    """Who a pod thinks it is, and by which names others find it."""
    files = "hostname; hostname -f; cat /etc/hostname /etc/hosts /etc/resolv.conf"
    service: Obj = {"clusterIP": "None", "selector": {"app": "bird"}, "ports": [{"port": 80, "name": "http"}]}
    bird = bare("bird", shell("main", "sleep 600"), hostname="early", subdomain="nest")
    other = bare("other", shell("main", "sleep 600"), hostname="late", subdomain="nowhere")
    await stage.apply(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "nest"}, "spec": service}, bird, other
    )
    await stage.until_ready(2)
    await sleep(1)
    aliases = [
        {"ip": "203.0.113.9", "hostnames": ["a.example", "b.example"]},
        {"ip": "203.0.113.10", "hostnames": ["c"]},
    ]
    options = [{"name": "ndots", "value": "2"}]
    extra = {"nameservers": ["203.0.113.53"], "searches": ["example.com"], "options": options}
    names = (
        "early.nest",
        "late.nowhere",
        "nest",
        "bird",
        "early.nest.host-names.svc.cluster.local",
        "kubernetes.default",
    )
    finds = "; ".join(f"getent hosts {name} || echo no {name}" for name in names)
    await stage.apply(
        _asks("plain", files),
        _asks("named", files, hostname="me", subdomain="nest", hostAliases=aliases),
        _asks(LONG, "hostname"),
        _asks("more-dns", "cat /etc/resolv.conf", dnsConfig=extra),
        _asks("own-dns", "cat /etc/resolv.conf", dnsPolicy="None", dnsConfig=extra),
        _asks("finds", finds),
    )
    await stage.until_over(6)
    await sleep(1)
    for name in ("plain", "named", "more-dns", "own-dns", "finds", LONG):
        await stage.kubectl("logs", name)
    await stage.kubectl("get", "endpointslices", "-o", "jsonpath={.items[*].endpoints[*].hostname}")
    await stage.kubectl("exec", "bird", "--", "sh", "-c", "hostname -f; tail -1 /etc/hosts")
    for name, spec in ODD_NAMES.items():
        await stage.create(_asks(name, "true", **spec))


RIGHTS = "grep -E '^(Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status"
FILES = "touch /v/x; stat -c '%n %a %u:%g' /v /v/x; touch /tmp/x && echo wrote /tmp"


def _as(name: str, pod: Obj, **own: Any) -> Obj:
    container = shell(
        "main", f"{RIGHTS}; {FILES}", securityContext=own, volumeMounts=[{"name": "v", "mountPath": "/v"}]
    )
    spec = {"volumes": [{"name": "v", "emptyDir": {}}], "restartPolicy": "Never", "securityContext": pod}
    return bare(name, container, **spec)


@case("security-contexts")
async def security(stage: Stage) -> None:
    pods = [
        _as("plain", {}),
        _as("user", {"runAsUser": 1234, "runAsGroup": 3000, "fsGroup": 2000, "supplementalGroups": [4000, 4001]}),
        _as("user-alone", {"runAsUser": 1234}),
        _as("group-alone", {"fsGroup": 2000}),
        _as("overrides", {"runAsUser": 1234, "runAsGroup": 3000}, runAsUser=1235),
        _as("adds", {}, capabilities={"add": ["NET_ADMIN", "SYS_PTRACE"], "drop": ["CHOWN", "MKNOD"]}),
        _as("adds-as-user", {"runAsUser": 1234}, capabilities={"add": ["NET_BIND_SERVICE"]}),
        _as("drops-all", {}, capabilities={"drop": ["ALL"]}),
        _as("drops-all-but", {}, capabilities={"drop": ["ALL"], "add": ["CHOWN"]}),
        _as("adds-all", {}, capabilities={"add": ["ALL"]}),
        _as("no-escalation", {}, allowPrivilegeEscalation=False),
        _as("filtered", {"seccompProfile": {"type": "RuntimeDefault"}}),
        _as("filtered-not-here", {"seccompProfile": {"type": "RuntimeDefault"}}, seccompProfile={"type": "Unconfined"}),
        _as("read-only", {"runAsUser": 1234}, readOnlyRootFilesystem=True),
        _as("privileged", {}, privileged=True),
        _as("odd-capability", {}, capabilities={"add": ["FLYING"]}),
    ]
    await stage.apply(*pods)
    await stage.until_over(15)
    await sleep(1)
    await stage.kubectl("get", "pods")
    for pod in pods:
        await stage.kubectl("logs", pod["metadata"]["name"])
    await stage.kubectl("describe", "pod", "odd-capability")
    for name, (shared, own) in ODD_RIGHTS.items():
        await stage.create(_as(name, shared, **own))
