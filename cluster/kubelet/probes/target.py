"""What a probe or an HTTP hook talks to: addresses and ports from the manifest. Pure."""

from cluster.client import Obj
from cluster.kubelet.errors import StartRefused


def port_number(container: Obj, port: int | str) -> int:
    """A port by number or by its name in the container. Raises `StartRefused`."""
    if isinstance(port, int) or port.isdecimal():
        return int(port)
    for declared in container.get("ports") or ():
        if declared.get("name") == port:
            return int(declared["containerPort"])
    raise StartRefused("InvalidPort", f'strconv.Atoi: parsing "{port}": invalid syntax')


def url(container: Obj, action: Obj, address: str) -> str:
    """The URL of an httpGet action."""
    scheme = (action.get("scheme") or "HTTP").lower()
    path = action.get("path") or "/"
    host = action.get("host") or address
    return f"{scheme}://{host}:{port_number(container, action['port'])}{'' if path.startswith('/') else '/'}{path}"


def headers(action: Obj) -> list[tuple[str, str]]:
    """The headers to send: the kubelet's own unless the manifest names them."""
    own = [(h["name"], h["value"]) for h in action.get("httpHeaders") or ()]
    named = {name.lower() for name, _ in own}
    default = [("User-Agent", "kube-probe/1.36"), ("Accept", "*/*")]
    return [(name, value) for name, value in default if name.lower() not in named] + own
