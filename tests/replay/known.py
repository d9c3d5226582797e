"""Where the embedded cluster differs from the recorded one and will: each with its reason."""

from tests.replay.compare import Known

_PRINTED = r"\$\d+ kubectl .* \| "

KNOWN: tuple[Known, ...] = (
    Known(
        rf"{_PRINTED}.*((openshift-)?service-ca\.crt|ConfigMapOptional: <nil>).*|.*/\.well-known.*",
        "The build that was recorded brings a ConfigMap and a ClusterRole of its own that Kubernetes does not have.",
    ),
    Known(
        rf"{_PRINTED}(- configMap:|items:|- key: service-ca.crt|path: service-ca.crt|name: openshift-service-ca.crt)",
        "That ConfigMap in the token volume, line by line.",
        "limitrange-defaults",
    ),
    Known(
        rf"{_PRINTED}drwxr.*",
        "That ConfigMap in the token volume, as one entry more of its folders.",
        "service-environment",
    ),
    Known(
        rf"{_PRINTED}(PATH|LANG|LD_LIBRARY_PATH|PYTHON_VERSION)=.*",
        "The environment of the image, which is another one here.",
    ),
    Known(rf"{_PRINTED}/dev/\S+ .* /data", "The size and use of this machine's disk."),
    Known(
        r".*(failed to pull and unpack image|no image \"<ip>:9/missing:1\" here).*",
        "No registry is asked, so the failure is told in other words, with the way out.",
        "image-pull-backoff",
    ),
    Known(
        r".*Pod x-<id>.*",
        "No registry is asked for the image that is not there, so it is known to be missing before the recording ends.",
        "rbac-default-versus-cluster-admin",
    ),
    Known(
        r"GET / -> (200|no answer)",
        "Which pod a connection reaches, and whether one is just then going, is chance.",
        "deadlock-.*|rolling-update-good|drain-.*|node-crash",
    ),
    Known(
        r"Pod app-<hash>-<id> condition PodReadyToStartContainers: (False > )?True",
        "Two of the kubelet's writes came together when it was recorded.",
        "deadlock-liveness-and-readiness",
    ),
    Known(
        r"(Endpoint(s|Slice) app(-<id>)? address|Deployment app condition Available): .*",
        "A crash in the first milliseconds is seen at once here, often before the address was ready.",
        "crash-on-start",
    ),
    Known(
        r"count of Pod .* BackOff: .*",
        "The kubelet repeats the event for a reason of its own each second; it is told twice here.",
        "probe-startup-failing",
    ),
    Known(
        r".*FailedScheduling.*|Pod db-\d condition PodScheduled: .*|events of Pod db-\d in order: .*",
        "A claim is bound here before the scheduler looks at its pod; there, a moment after.",
        "storage-statefulset-pv",
    ),
    Known(
        r"\$13 .* 0/1 Terminating .*|\$15 .*describe pods \| .*"
        r"|.* ends with status .*\"terminatingReplicas\": [01].*"
        r"|EndpointSlice app-<id> address: not ready > terminating.*"
        r"|Pod app-<hash>-<id> (condition (Containers)?Ready: False ContainersNotReady [^>]*( > False PodFailed)?"
        r"|container app( waits because)?: .*(absent:2|ErrImageNeverPull).*|(life|phases): Pending.*)",
        "A pod that never started is gone at once here; the recording ends while its kubelet still looks.",
        "rolling-update-missing-image",
    ),
    Known(
        rf"{_PRINTED}((Container Runtime|Kubelet|Kernel) Version|Machine ID|System UUID|PodCIDRs?|ProviderID"
        r"|ephemeral-storage|memory|pods|cpu|Non-terminated Pods|kc app|node-memory-pressure|Normal RegisteredNode"
        r"|topology\.kubernetes\.io|seawall\.dev/power|volumes\.kubernetes\.io)\b.*",
        "What the machines are: their size, versions and places, and who else ran on them.",
        "node-crash|node-memory-pressure",
    ),
    Known(
        r".* Killing .*|.*TaintManagerEviction( > Killing)?|.*terminated (Completed 0|Unknown 255) r0"
        r"|Pod app-<hash>-<id> phases: .*|Pod app-<hash>-<id> condition Initialized: .*"
        r"|Pod app-<hash>-<id> condition (Containers)?Ready: .* False Pod(Completed|Failed)"
        r"|event Pod .* Killing from kubelet: .*"
        r"|EndpointSlice app-<id> address: .* > terminating( > serving,terminating)? > absent",
        "There the node lost its link and its kubelet, and its containers ran on; here it loses its power, so that"
        " nothing is left to be stopped when it comes back.",
        "node-crash",
    ),
)

NOT_REPLAYED = {
    "tables": "what was applied was not recorded; the recorded Tables are compared in tests/api_faces.",
}
"""Recorded cases that are not asked again, and why."""
