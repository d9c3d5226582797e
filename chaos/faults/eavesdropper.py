"""eavesdropper: a visitor comes to the workload's Ingress over a line that somebody listens to.

A *tap* passes on what it gets, as a router on the way does, and reads along. A *visitor* behind it begins as a browser
does that was given a bare name: over plain HTTP, with nothing to lose. Where it is sent on to HTTPS it shows a password
there, once it trusts the certificate; where it is not, it shows it in plain text. The password is made up and opens
nothing. Needs an Ingress with a host that an ingress controller serves at an address pods can reach.
"""

import base64
import time
from inspect import cleandoc
from typing import Any

from chaos.faults.beside import beside
from chaos.faults.clients import MARK, address_of, await_rounds, last_round, place, pod
from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting
from chaos.kube import Obj
from chaos.needs import STRANGERS, Needs
from chaos.selectors import covers
from loadgen.units import Duration

HTTP, HTTPS = 8080, 8443
SERVED_WITHIN = Duration(10)
LOOKED_AT = frozenset({"get ingresses.networking.k8s.io", "list ingresses.networking.k8s.io", "get secrets"})

_TAP = cleandoc(
    """
    import asyncio, json, os

    PASSWORD, INGRESS = os.environ["PASSWORD"].encode(), os.environ["INGRESS"]
    passed, read = 0, False

    async def carry(reader, writer):
        global passed, read
        last = b""
        while data := await reader.read(65536):
            passed, last = passed + len(data), last + data
            read = read or PASSWORD in last
            last = last[-len(PASSWORD):]
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    async def relay(reader, writer, port):
        try:
            there, back = await asyncio.open_connection(INGRESS, port)
            await asyncio.gather(carry(reader, back), carry(there, writer), return_exceptions=True)
            back.close()
        except OSError:
            pass
        writer.close()

    async def main():
        await asyncio.start_server(lambda r, w: relay(r, w, 80), None, {http})
        await asyncio.start_server(lambda r, w: relay(r, w, 443), None, {https})
        while True:
            print("{mark}" + json.dumps({"passed": str(passed), "read": "yes" if read else "no"}), flush=True)
            await asyncio.sleep(1)

    asyncio.run(main())
    """
)

_VISITOR = cleandoc(
    """
    import http.client, json, os, socket, ssl, time

    HOST, TAP, PASSWORD = os.environ["HOST"], os.environ["TAP"], os.environ["PASSWORD"]
    trust = ssl.create_default_context(cadata=os.environ["CERTIFICATE"] or None)
    # Whoever signed it: what the Secret holds is what the visitor knows.
    trust.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN

    def ask(secure, headers):
        connection = http.client.HTTPConnection(HOST)
        plain = socket.create_connection((TAP, {https} if secure else {http}), timeout=2)
        connection.sock = trust.wrap_socket(plain, server_hostname=HOST) if secure else plain
        try:
            connection.request("GET", "/", headers=headers)
            return connection.getresponse()
        finally:
            connection.sock and connection.close()

    def visit():
        first = ask(False, {})
        secure = first.status in (301, 302, 307, 308) and first.getheader("Location", "").startswith("https://")
        answer = ask(secure, {"Authorization": "Bearer " + PASSWORD})
        return {"way": "https" if secure else "http", "answer": str(answer.status)}

    while True:
        try:
            told = visit()
        except (OSError, http.client.HTTPException) as error:
            told = {"way": "none", "answer": str(error)}
        print("{mark}" + json.dumps(told), flush=True)
        time.sleep(0.5)
    """
)


class Eavesdropper(Params):
    """Nothing to choose: the workload's first Ingress with a host is visited."""


def _filled(program: str) -> str:
    return program.replace("{mark}", MARK).replace("{https}", str(HTTPS)).replace("{http}", str(HTTP))


def inject(arena: Arena, params: Eavesdropper) -> list[Injury]:  # noqa: ARG001  # every fault is called alike
    ingress, host = _ingress(arena)
    address, certificate = _address(arena, ingress), _certificate(arena, ingress, host)
    password = f"seawall-{arena.random.getrandbits(64):016x}"
    street = beside(arena, "street")
    probe = {"tcpSocket": {"port": HTTP}, "initialDelaySeconds": 1, "periodSeconds": 1}
    tap = place(
        arena.kube,
        street,
        pod("tap", _filled(_TAP), _env(PASSWORD=password, INGRESS=address) | {"readinessProbe": probe}),
    )
    known = _env(HOST=host, TAP=address_of(arena.kube, tap), PASSWORD=password, CERTIFICATE=certificate)
    visitor = place(arena.kube, street, pod("visitor", _filled(_VISITOR), known))
    await_rounds(arena.kube, tap, visitor)
    detail = f"pod visitor shows a password to http://{host}/ over a line that pod tap listens to"
    data = {"tap": tap, "visitor": visitor, "host": host, "ingress": ingress["metadata"]["name"]}
    return [Injury(target=f"Ingress/{ingress['metadata']['name']}", detail=detail, undo=None, data=data)]


def _env(**values: str) -> Obj:
    return {"env": [{"name": name, "value": value} for name, value in values.items()]}


def _ingresses(arena: Arena) -> str:
    return f"/apis/networking.k8s.io/v1/namespaces/{arena.namespace}/ingresses"


def _ingress(arena: Arena) -> tuple[Obj, str]:
    for ingress in arena.kube.list(_ingresses(arena)):
        for rule in ingress["spec"].get("rules") or ():
            if rule.get("host") and "*" not in rule["host"]:
                return ingress, rule["host"]
    raise FaultRefused("the workload has no Ingress with a host, so nobody can come to it from outside")


def _address(arena: Arena, ingress: Obj) -> str:
    path, deadline = f"{_ingresses(arena)}/{ingress['metadata']['name']}", time.monotonic() + SERVED_WITHIN.seconds
    while time.monotonic() < deadline:
        status: Any = arena.kube.get(path).get("status") or {}
        for found in (status.get("loadBalancer") or {}).get("ingress") or ():
            return str(found.get("ip") or found["hostname"])
        time.sleep(0.2)
    raise FaultRefused(f"no ingress controller took Ingress {ingress['metadata']['name']} within {SERVED_WITHIN}")


def _certificate(arena: Arena, ingress: Obj, host: str) -> str:
    """What a visitor may trust: the certificate that the Ingress names for the host, in PEM; "" for none."""
    for tls in ingress["spec"].get("tls") or ():
        if tls.get("secretName") and any(covers(name, host) for name in tls.get("hosts") or ()):
            secret = arena.kube.get(f"/api/v1/namespaces/{arena.namespace}/secrets/{tls['secretName']}")
            return base64.b64decode(secret["data"]["tls.crt"]).decode()
    return ""


def witness(arena: Arena, params: Eavesdropper, injury: Injury) -> Sighting:  # noqa: ARG001  # every witness is called alike
    """What way the visitor took, whether it was answered, and whether the tap has read its password."""
    tap, visitor = last_round(arena.kube, injury.data["tap"]), last_round(arena.kube, injury.data["visitor"])
    if tap is None or visitor is None:
        return Sighting(ok=False, detail=f"pod {'tap' if tap is None else 'visitor'} told nothing of late")
    data = {**tap, **visitor}
    if not visitor["answer"].isdigit() or int(visitor["answer"]) >= 400 or tap["passed"] == "0":
        return Sighting(ok=False, detail=f"the visitor was not served: {visitor['answer']}", data=data)
    heard = "read the password" if tap["read"] == "yes" else "could not read the password"
    came = f"the visitor came by {visitor['way']} and got {visitor['answer']}"
    detail = f"{came}; the tap passed on {tap['passed']} bytes and {heard}"
    return Sighting(ok=True, detail=detail, data=data)


EAVESDROPPER = FaultKind(
    name="eavesdropper",
    summary="a visitor shows a password to the Ingress over a line that somebody listens to",
    params=Eavesdropper,
    exercises=("security",),
    inject=inject,
    witness=witness,
    asks=Needs(permissions=STRANGERS | LOOKED_AT),
    tries=("Ingress",),
)
