"""A node that is lost, and comes back."""

from asyncio import sleep

from tests.replay.case import app, case, http_get
from tests.replay.cases.workloads import load
from tests.replay.stage import Stage

LOST = "node2"
LOOKS = 5
LOOK_SECONDS = 11


def _tolerated(key: str) -> dict[str, object]:
    return {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 10}


async def _power(stage: Stage, state: str) -> None:
    annotations = {"seawall.dev/power": state}
    async with stage.session.patch(
        f"/api/v1/nodes/{LOST}",
        json={"metadata": {"annotations": annotations}},
        headers={"Content-Type": "application/merge-patch+json"},
    ) as response:
        assert response.status == 200


@case("node-crash", nodes=True)
async def crashed(stage: Stage) -> None:
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": {"app": "app"}},
        "whenUnsatisfiable": "ScheduleAnyway",
    }
    tolerations = [_tolerated("unreachable"), _tolerated("not-ready")]
    probe = {"readinessProbe": http_get("/readyz", periodSeconds=1, timeoutSeconds=1)}
    pod = {"tolerations": tolerations, "topologySpreadConstraints": [spread]}
    await stage.apply(*app(replicas=2, container=probe, pod=pod))
    await stage.until_ready(2)
    async with load(stage, 0.25):
        await sleep(2)
        stage.note(f"{LOST} loses its link and kubelet")
        await _power(stage, "off")
        for _ in range(LOOKS):
            await sleep(LOOK_SECONDS)
            await stage.show()
        await stage.kubectl("describe", "node", LOST, anywhere=True)
        stage.note(f"{LOST} comes back")
        await _power(stage, "on")
        await sleep(15)
        await stage.show()
