"""Endpoints and EndpointSlices: who stands behind a Service, and in what state."""

from cluster.client import Obj
from cluster.controllers.endpoints import endpoints_for
from cluster.controllers.endpointslices import RESOURCE, slices_for
from cluster.controllers.services import endpoint_ports
from cluster.objects import is_going, is_pod_ready
from tests.controllers.world import NAMESPACE, World, pod_template


def service(world: World, **spec: object) -> Obj:
    port = {"port": 80, "targetPort": "http"}
    body = {"selector": {"app": "web"}, "ports": [port], **spec}
    return world.client.create("services", {"metadata": {"name": "web"}, "spec": body}, NAMESPACE)


def slices(world: World) -> list[Obj]:
    return world.client.list(RESOURCE, NAMESPACE)


def states(world: World) -> list[tuple[bool, bool, bool]]:
    conditions = [e["conditions"] for s in slices(world) for e in s.get("endpoints") or ()]
    return [(c["ready"], c["serving"], c["terminating"]) for c in conditions]


def addresses(world: World, kind: str = "addresses") -> list[str]:
    found = world.client.list("endpoints", NAMESPACE, fields="metadata.name=web")
    return [a["ip"] for e in found for s in e.get("subsets") or () for a in s.get(kind) or ()]


async def test_ready_pods_are_listed_with_address_port_node_and_zone(world: World) -> None:
    service(world)
    world.deploy()
    await world.until(lambda: states(world) == [(True, True, False)] * 3)
    (only,) = slices(world)
    by_name = {p["metadata"]["name"]: p for p in world.pods()}
    for endpoint in only["endpoints"]:
        pod = by_name[endpoint["targetRef"]["name"]]
        assert endpoint["addresses"] == [pod["status"]["podIP"]]
        assert endpoint["nodeName"] == pod["spec"]["nodeName"]
        assert endpoint["zone"] == ("zone-b" if endpoint["nodeName"] == "node2" else "zone-a")
    assert only["ports"] == [{"name": "", "protocol": "TCP", "port": 8080}]
    assert only["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
    assert addresses(world) == sorted(p["status"]["podIP"] for p in world.pods())


async def test_a_service_without_pods_has_one_empty_slice(world: World) -> None:
    service(world)
    await world.until(lambda: slices(world))
    await world.settle()
    assert [s["endpoints"] for s in slices(world)] == [None]
    assert not world.client.get("endpoints", "web", NAMESPACE).get("subsets")


async def test_a_pod_that_loses_its_readiness_leaves_and_comes_back_in_its_place(world: World) -> None:
    service(world)
    world.deploy()
    await world.until(lambda: len(addresses(world)) == 3)
    first = slices(world)[0]["endpoints"][0]["targetRef"]["name"]
    world.kubelets.say(world.client.get("pods", first, NAMESPACE), ready=False)
    await world.until(lambda: states(world) == [(False, False, False), (True, True, False), (True, True, False)])
    await world.until(lambda: len(addresses(world, "notReadyAddresses")) == 1)
    assert len(addresses(world)) == 2
    world.kubelets.say(world.client.get("pods", first, NAMESPACE), ready=True)
    await world.until(lambda: states(world) == [(True, True, False)] * 3)


async def test_a_going_pod_is_terminating_but_still_serving(world: World) -> None:
    service(world)
    world.deploy(replicas=1)
    await world.until(lambda: states(world) == [(True, True, False)])
    world.kubelets.ends = False
    world.client.delete("pods", world.pods()[0]["metadata"]["name"], NAMESPACE)
    await world.until(lambda: (False, True, True) in states(world))
    await world.until(lambda: len(addresses(world)) == 1)
    (alive,) = [p for p in world.pods() if not is_going(p)]
    assert is_pod_ready(alive)
    assert addresses(world) == [alive["status"]["podIP"]]


async def test_not_ready_addresses_are_published_where_asked_for(world: World) -> None:
    service(world, publishNotReadyAddresses=True, clusterIP="None")
    world.deploy(replicas=1)
    await world.until(lambda: len(addresses(world)) == 1)
    world.kubelets.say(world.pods()[0], ready=False)
    await world.until(lambda: states(world) == [(True, False, False)])
    assert len(addresses(world)) == 1


async def test_a_deleted_service_takes_its_endpoints_along(world: World) -> None:
    service(world)
    world.deploy(replicas=1)
    await world.until(lambda: len(addresses(world)) == 1)
    world.client.delete("services", "web", NAMESPACE)
    await world.until(lambda: not slices(world))
    await world.until(lambda: not world.client.list("endpoints", NAMESPACE))


async def test_what_others_keep_is_left_alone(world: World) -> None:
    """The `kubernetes` Service has no selector: its endpoints are the API server's own."""
    await world.settle()
    assert world.client.get("endpoints", "kubernetes", "default")["subsets"]


def pod(name: str, port: int = 8080) -> Obj:
    spec = pod_template({})["spec"]
    spec["containers"][0]["ports"][0]["containerPort"] = port
    metadata = {"name": name, "namespace": NAMESPACE, "uid": name}
    return {"metadata": metadata, "spec": {**spec, "nodeName": "node1"}, "status": {"podIP": f"10.0.0.{name}"}}


def plain_service(*ports: Obj) -> Obj:
    metadata = {"name": "web", "namespace": NAMESPACE, "uid": "u"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": list(ports)}}


def test_more_than_a_hundred_endpoints_take_several_slices() -> None:
    made = slices_for(plain_service({"port": 80}), [pod(str(i)) for i in range(250)], [], {})
    assert [len(s["endpoints"]) for s in made] == [100, 100, 50]


def test_pods_with_different_numbers_for_one_named_port_are_kept_apart() -> None:
    made = slices_for(plain_service({"port": 80, "targetPort": "http"}), [pod("1"), pod("2", 9090), pod("3")], [], {})
    assert [(s["ports"][0]["port"], len(s["endpoints"])) for s in made] == [(8080, 2), (9090, 1)]


def test_a_named_port_that_a_pod_lacks_is_left_out() -> None:
    assert endpoint_ports(plain_service({"port": 80, "targetPort": "metrics"}), pod("1")) == []


def test_ports_that_the_same_pods_serve_share_a_subset_of_the_older_list() -> None:
    ports = (
        {"name": "plain", "port": 80},
        {"name": "http", "port": 81, "targetPort": "http"},
        {"name": "same", "port": 82},
    )
    subsets = endpoints_for(plain_service(*ports), [pod("1"), pod("2", 9090)])["subsets"]
    named = [[port["name"] for port in subset["ports"]] for subset in subsets]
    assert named == [["plain", "same"], ["http"], ["http"]]
    assert [len(s.get("addresses", [])) + len(s.get("notReadyAddresses", [])) for s in subsets] == [2, 1, 1]


class TestMirroring:
    """Endpoints kept by hand are routed to as well."""

    async def test_a_service_without_a_selector_is_where_its_endpoints_say(self, world: World) -> None:
        service(world, selector=None)
        subset = {"addresses": [{"ip": "10.1.2.3"}], "notReadyAddresses": [{"ip": "10.1.2.4"}], "ports": [{"port": 80}]}
        world.client.create("endpoints", {"metadata": {"name": "web"}, "subsets": [subset]}, NAMESPACE)
        await world.until(lambda: len(slices(world)) == 1)
        (only,) = slices(world)
        assert only["metadata"]["labels"] == {
            "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
            "kubernetes.io/service-name": "web",
        }
        assert only["endpoints"] == [
            {"addresses": ["10.1.2.3"], "conditions": {"ready": True}},
            {"addresses": ["10.1.2.4"], "conditions": {"ready": False}},
        ]
        assert only["ports"] == [{"name": "", "port": 80, "protocol": "TCP"}]

    async def test_it_follows_what_is_changed_and_goes_with_it(self, world: World) -> None:
        service(world, selector=None)
        subset = {"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}
        world.client.create("endpoints", {"metadata": {"name": "web"}, "subsets": [subset]}, NAMESPACE)
        await world.until(lambda: len(slices(world)) == 1)
        moved = [{**subset, "addresses": [{"ip": "10.9.9.9"}]}]
        world.client.patch("endpoints", "web", NAMESPACE, {"subsets": moved})
        await world.until(lambda: slices(world)[0]["endpoints"][0]["addresses"] == ["10.9.9.9"])
        world.client.delete("endpoints", "web", NAMESPACE)
        await world.until(lambda: slices(world) == [])

    async def test_a_service_with_a_selector_is_left_to_its_pods(self, world: World) -> None:
        service(world)
        world.deploy(replicas=1)
        await world.until(lambda: states(world) == [(True, True, False)])
        assert len(slices(world)) == 1
