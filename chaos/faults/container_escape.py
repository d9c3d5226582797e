"""container-escape: somebody got a shell in a container of the target and tries what would carry them further.

Everything is tried with the tools of any image that has a shell, and leaves nothing: what is made is removed by the
next command, and what a container holds ends with it.
"""

from inspect import cleandoc

from chaos.exec import Ended, run_in
from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting, pick_pods, pod_path

_SCRIPT = cleandoc(
    """
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
    """
)


class ContainerEscape(Params):
    """Nothing to choose."""


def inject(arena: Arena, params: ContainerEscape) -> list[Injury]:  # noqa: ARG001  # every fault is called alike
    pod = pick_pods(arena, 1)[0]
    container = arena.kube.get(pod_path(arena, pod))["spec"]["containers"][0]["name"]
    shell = run_in(arena.kube, pod_path(arena, pod), container, ["sh", "-c", "id -u"])
    if shell.code != 0:
        said = (shell.err or shell.out).strip()[:200]
        raise FaultRefused(f"container {container} of {pod} has no shell to break into ({said}); this fault needs one")
    detail = f"somebody has a shell in container {container} of {pod}"
    return [Injury(target=pod, detail=detail, undo=None, data={"pod": pod, "container": container})]


def witness(arena: Arena, params: ContainerEscape, injury: Injury) -> Sighting:  # noqa: ARG001  # see above
    """Everything tried once more: what the kernel answered each time."""
    ended = run_in(arena.kube, pod_path(arena, injury.target), injury.data["container"], ["sh", "-c", _SCRIPT])
    tried = told(ended)
    if "uid" not in tried:
        said = (ended.err or ended.out).strip()[:200]
        return Sighting(ok=False, detail=f"the shell told nothing (exit code {ended.code}): {said}")
    detail = f"as user {tried['uid']}: " + ", ".join(f"{k}: {tried[k]}" for k in _SHOWN if k in tried)
    return Sighting(ok=True, detail=detail, data={"tried": tried})


_SHOWN = ("write-to-root", "change-owner", "read-identity")


def told(ended: Ended) -> dict[str, str]:
    """The lines `name=what came of it`; a refusal is the kernel's message."""
    pairs = (line.partition("=") for line in ended.out.splitlines() if "=" in line)
    return {name: result.strip() for name, _, result in pairs}


CONTAINER_ESCAPE = FaultKind(
    name="container-escape",
    summary="somebody with a shell in a container tries to become root, write to its file system and read its token",
    params=ContainerEscape,
    exercises=("security",),
    inject=inject,
    witness=witness,
)
