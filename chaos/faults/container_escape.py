"""container-escape: somebody got a shell in a container of the target and tries what would carry them further.

Everything is tried with the tools of any image that has a shell, and leaves nothing: what is made is removed by the
next command, and what a container holds ends with it. On the network it knocks at the API server and at another node's
kubelet; its own node is left out, as NetworkPolicies never apply between a pod and the node it runs on (the API
reference of NetworkPolicy). That its own port answers it is the control: silence then has one reason less.
"""

from inspect import cleandoc

from chaos.exec import Ended, run_in
from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting, pick_pods, pod_path
from chaos.faults.reach import REACH
from chaos.kube import Obj
from chaos.needs import EXEC, Needs
from chaos.nodes import NODES

KUBELET_PORT = 10250

# Asks a URL with a token, where there is no curl.
_ASK = cleandoc(
    """
    import ssl, sys, urllib.error, urllib.request as web
    ask = web.Request(sys.argv[1], headers={"Authorization": "Bearer " + open(sys.argv[2]).read()})
    try:
        print("HTTP", web.urlopen(ask, timeout=1, context=ssl._create_unverified_context()).status)
    except urllib.error.HTTPError as error:
        print("HTTP", error.code)
    """
)
# Arguments: the app's own port and another node's address, which may be empty; the program above.
_SCRIPT = (
    cleandoc(
        r"""
    try() { name=$1; shift; if out=$("$@" 2>&1 >/dev/null); then echo "$name=done"; else echo "$name="$out; fi; }
    echo "uid=$(id -u)"
    try write-to-root sh -c ': > /seawall-was-here && rm /seawall-was-here'
    mine=/dev/shm/seawall-$$
    : > $mine && try change-owner chown 54321 $mine
    rm -f $mine
    try read-identity cat /var/run/secrets/kubernetes.io/serviceaccount/token
    while read -r key value; do
      case $key in Uid:|CapEff:|NoNewPrivs:|Seccomp:) echo "${key%:}="$value;; esac
    done < /proc/1/status
    {reach}
    test -z "$1" || reach control 127.0.0.1 "$1"
    test -z "$2" || reach reach-node "$2" {kubelet}
    reach reach-api "$KUBERNETES_SERVICE_HOST" "$KUBERNETES_SERVICE_PORT"
    token=/var/run/secrets/kubernetes.io/serviceaccount/token
    api=https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api
    if ! test -r $token; then echo "call-api=no token to show"
    elif command -v curl >/dev/null; then
      echo "call-api=HTTP $(curl -skm 1 -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $(cat $token)" "$api")"
    else
      echo "call-api=$(python3 -c "$3" "$api" $token 2>&1 | tail -n 1)"
    fi
    """
    )
    .replace("{kubelet}", str(KUBELET_PORT))
    .replace("{reach}", REACH)
)


class ContainerEscape(Params):
    """Nothing to choose."""


def inject(arena: Arena, params: ContainerEscape) -> list[Injury]:  # noqa: ARG001  # every fault is called alike
    pod = pick_pods(arena, 1)[0]
    found = arena.kube.get(pod_path(arena, pod))
    container = found["spec"]["containers"][0]["name"]
    shell = run_in(arena.kube, pod_path(arena, pod), container, ["sh", "-c", "id -u"])
    if shell.code != 0:
        said = (shell.err or shell.out).strip()[:200]
        raise FaultRefused(f"container {container} of {pod} has no shell to break into ({said}); this fault needs one")
    detail = f"somebody has a shell in container {container} of {pod}"
    data = {"pod": pod, "container": container, "port": _own_port(found), "node": _other_node(arena, found)}
    return [Injury(target=pod, detail=detail, undo=None, data=data)]


def _own_port(pod: Obj) -> str:
    """Where the app of the container listens; empty when it does not say."""
    ports = pod["spec"]["containers"][0].get("ports") or ()
    return next((str(p["containerPort"]) for p in ports if p.get("protocol", "TCP") == "TCP"), "")


def _other_node(arena: Arena, pod: Obj) -> str:
    """The address of a node that the pod does not run on; empty when there is none."""
    others = (n for n in arena.kube.list(NODES) if n["metadata"]["name"] != pod["spec"]["nodeName"])
    addresses = (a for node in others for a in (node.get("status") or {}).get("addresses") or ())
    return next((str(a["address"]) for a in addresses if a["type"] == "InternalIP"), "")


def witness(arena: Arena, params: ContainerEscape, injury: Injury) -> Sighting:  # noqa: ARG001  # see above
    """Everything tried once more: what the kernel and the network answered each time."""
    pod, known = pod_path(arena, injury.target), injury.data
    command = ["sh", "-c", _SCRIPT, "sh", known["port"], known["node"], _ASK]
    ended = run_in(arena.kube, pod, known["container"], command)
    tried = told(ended)
    if "uid" not in tried:
        said = (ended.err or ended.out).strip()[:200]
        return Sighting(ok=False, detail=f"the shell told nothing (exit code {ended.code}): {said}")
    detail = f"as user {tried['uid']}: " + ", ".join(f"{k}: {tried[k]}" for k in _SHOWN if k in tried)
    return Sighting(ok=True, detail=detail, data={"tried": tried})


_SHOWN = ("write-to-root", "change-owner", "read-identity", "reach-node", "reach-api", "call-api")


def told(ended: Ended) -> dict[str, str]:
    """The lines `name=what came of it`; a refusal is the kernel's message."""
    pairs = (line.partition("=") for line in ended.out.splitlines() if "=" in line)
    return {name: result.strip() for name, _, result in pairs}


CONTAINER_ESCAPE = FaultKind(
    name="container-escape",
    summary="somebody with a shell in a container tries to become root, to change it and to get out of it",
    params=ContainerEscape,
    exercises=("security",),
    inject=inject,
    witness=witness,
    asks=Needs(permissions=EXEC),
    tries=("NetworkPolicy",),
)
