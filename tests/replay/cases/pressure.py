"""A node that runs short of memory: who is evicted, in which order, and what everybody sees."""

from asyncio import sleep
from inspect import cleandoc

from cluster.config import MIB
from tests.replay.case import Obj, case
from tests.replay.normal import IMAGE
from tests.replay.stage import Stage

NODE = "node2"
LOOKS = 4
LOOK_SECONDS = 12
# So many bytes in use by pods bring the node below what it evicts at; the recorded one had others to use the rest.
ROOM_BYTES = 1130 * MIB
# Its kubelet looks every ten seconds from its start on; the hog is to be eight seconds old when it does.
HOG_AT_SECONDS = 11.5

HOLD = cleandoc(
    """
    import time,sys
    b=[]
    for _ in range(int(sys.argv[1])//20):
        b.append(bytearray(b'x'*(20<<20))); time.sleep(float(sys.argv[2]))
    time.sleep(600)
    """
)


def _holder(name: str, megabytes: int, resources: Obj | None = None, pause: str = "0.05") -> Obj:
    command = ["python3", "-c", HOLD, str(megabytes), pause]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": NODE},
            "terminationGracePeriodSeconds": 2,
            "containers": [{"name": "main", "image": IMAGE, "command": command, "resources": resources or {}}],
        },
    }


@case("node-memory-pressure", nodes=True, short={NODE: ROOM_BYTES})
async def short_of_memory(stage: Stage) -> None:
    guaranteed = {"cpu": "50m", "memory": "200Mi"}
    await stage.apply(
        _holder("guaranteed", 100, {"requests": guaranteed, "limits": guaranteed}),
        _holder("burstable-within-request", 100, {"requests": {"memory": "200Mi"}}),
        _holder("burstable-over-request", 200, {"requests": {"memory": "50Mi"}}),
        _holder("best-effort-small", 40),
    )
    await sleep(HOG_AT_SECONDS)
    stage.note("a best-effort hog starts to grow to 2 GiB")
    await stage.apply(_holder("hog", 2000, pause="0.2"))
    for _ in range(LOOKS):
        await sleep(LOOK_SECONDS)
        await _look(stage)
    await stage.apply(_holder("late-best-effort", 20))
    await sleep(3)
    await stage.show()
    await sleep(25)
    await stage.kubectl("describe", "node", NODE, anywhere=True)
    await stage.show()


async def _look(stage: Stage) -> None:
    await stage.show()
    await stage.kubectl("describe", "node", NODE, anywhere=True)
