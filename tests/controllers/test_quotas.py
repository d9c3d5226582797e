"""What a namespace uses shows in its quotas."""

from tests.controllers.world import NAMESPACE, World, pod_template


def used(world: World) -> dict[str, str]:
    status = world.client.get("resourcequotas", "q", NAMESPACE).get("status") or {}
    found: dict[str, str] = status.get("used", {})
    return found


async def test_a_quotas_status_says_what_is_used(world: World) -> None:
    hard = {"pods": "3", "requests.memory": "1Gi", "count/configmaps": "9"}
    world.client.create("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": hard}}, NAMESPACE)
    present = len(world.client.list("configmaps", NAMESPACE))
    await world.until(lambda: used(world) == {"count/configmaps": str(present), "pods": "0", "requests.memory": "0"})
    template = pod_template({"app": "web"})
    template["spec"]["containers"][0]["resources"] = {"requests": {"memory": "128Mi"}}
    world.deploy(replicas=2, template=template)
    await world.until(lambda: (used(world)["pods"], used(world)["requests.memory"]) == ("2", "256Mi"))
    world.client.patch("deployments.apps", "web", NAMESPACE, {"spec": {"replicas": 0}})
    await world.until(lambda: used(world)["pods"] == "0")
    assert world.client.get("resourcequotas", "q", NAMESPACE)["status"]["hard"] == hard


async def test_a_quota_with_a_scope_counts_the_pods_in_it_alone(world: World) -> None:
    spec = {"hard": {"pods": "3"}, "scopes": ["NotBestEffort"]}
    world.client.create("resourcequotas", {"metadata": {"name": "q"}, "spec": spec}, NAMESPACE)
    template = pod_template({"app": "web"})
    template["spec"]["containers"][0]["resources"] = {}
    world.deploy(replicas=2, template=template)
    await world.until(lambda: len(world.pods()) == 2 and used(world) == {"pods": "0"})
