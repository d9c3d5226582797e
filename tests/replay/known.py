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
        r"|EndpointSlice app-<id> address: not ready > (terminating|absent).*"
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
    Known(
        r"\$\d+ kubectl .* rollout status .* \| Waiting for .*",
        "How often somebody who waits is told of a change, and what was half done then, is chance.",
        "(deployment|statefulset|daemonset)-.*",
    ),
    Known(
        r".*(rovision|WaitFor|SuccessfulAttachVolume|selected-node|unbound immediate).*"
        r"|PersistentVolumeClaim (data|one) phases: .*|Pod db-\d condition PodScheduled: .*"
        r"|events of (Pod (user|db-\d)|PersistentVolumeClaim \S+) in order: .*"
        r"|PATCH .*/persistentvolumeclaims/data as \{'(volumeName|storageClassName|resources)'.*",
        "The class that was recorded binds at once, its provisioner a part of the controller manager; here the default"
        " class waits for the first pod, and volumes are attached, as with a cloud's.",
        "claim-.*|statefulset-claims|quota-kinds",
    ),
    Known(
        r"count of PersistentVolumeClaim .* ProvisioningFailed: .*",
        "The controller there looks again every fifteen seconds, here whenever something changes.",
        "claim-unmatched|volume-kept",
    ),
    Known(
        r"PATCH .* 422 .*(spec is immutable after creation|pod updates may not change fields|spec\.template"
        r"|containers \S+ may not be changed).*",
        "There the refusal shows the difference of the two specs, field by field as its program holds them; here the"
        " field and the reason alone.",
        "claim-changed|refused-changes|ephemeral-containers",
    ),
    Known(
        r"PATCH .* 422 .*(metadata\.finalizers|metadata\.labels|activeDeadlineSeconds).*",
        "There the metadata of an update is checked twice and each mistake listed twice among the causes.",
        "deletions|refused-changes",
    ),
    Known(
        r"PATCH .*'uid': .*",
        "Another uid in a patch is a conflict here, as in a replacement; there it is a change of a field that may not.",
        "refused-changes",
    ),
    Known(
        r".*\b(Pod|EndpointSlice|Deployment|ReplicaSet) app\b.*",
        "The recording ends while a pod is still going.",
        "refused-patches",
    ),
    Known(
        rf"{_PRINTED}Warning: (deleting Pods that declare no|ignoring DaemonSet-managed).*",
        "kubectl lists what it warns of in any order.",
        "drain-refused",
    ),
    Known(
        r"PATCH .*'two'.*",
        "There the refusal contains the whole patched object, in the order of its fields.",
        "refused-patches",
    ),
    Known(
        rf"{_PRINTED}.* v1\.36\.2(\+seawall)?",
        "Nodes say whose version they are.",
        "drain-refused",
    ),
    Known(
        rf"{_PRINTED}error: unable to drain node .*cannot delete .*, cannot delete .*",
        "kubectl lists the reasons in the order of a Go map, which is chance.",
        "drain-refused",
    ),
    Known(
        rf"{_PRINTED}(Zone: |(/v/labels:)?topology\.kubernetes\.io/).*",
        "The recorded nodes are in zones, those of the replay in none.",
        "endpoints-by-hand|volume-(contents|updates)",
    ),
    Known(
        r"POST .*configmaps as ConfigMap b .*",
        "A ConfigMap more in each namespace, of the build that was recorded, reaches the quota sooner.",
        "quota-kinds",
    ),
    Known(
        r".*combined from similar events.*|.* get events \| .* FailedCreate .*",
        "How many attempts there were by then is chance.",
        "quota-kinds|limitrange-refusals",
    ),
    Known(
        r"POST .* as RoleBinding edit .*"
        rf"|{_PRINTED}\{{APIGroups:\[\"(extensions|resource\.k8s\.io|metrics\.k8s\.io)\"\].*",
        "What the role `edit` has of groups that are not served here, and of those that only add-ons bring there.",
        "rbac-escalation|bind-and-escalate",
    ),
    Known(
        r".*(Pod twice|pod/twice|PodDisruptionBudget two) .*|\$1 .* two 0 N/A \d <age>"
        r"|\$3 .* \| (currentHealthy|disruptionsAllowed|reason|status): .*",
        "Two budgets for one pod: which of its changes the second still counts depends on which came first.",
        "eviction-refused",
    ),
    Known(
        r"count of (Pod|PodDisruptionBudget|CronJob) .*",
        "How often a controller looks, and tells what it told before, is its own affair.",
        "eviction-refused|pod-ends|cronjob-by-hand|commands-that-fail|budget-kinds",
    ),
    Known(
        r"Deployment app condition Progressing: .*",
        "Which of two changes in one moment a controller sees first is chance.",
        "deployment-(paused|deadline)",
    ),
    Known(
        r"Pod app-<hash>-<id> condition (Containers)?Ready: False ContainersNotReady [^>]*( > False PodFailed)?"
        r"|EndpointSlice app-<id> address: not ready > (terminating > )?absent",
        "A pod that never started is gone at once here; there its kubelet looks first.",
        "deployment-deadline",
    ),
    Known(
        rf"{_PRINTED}(Provisioner|VolumeBindingMode|Annotations|standard|,storageclass)\b.*"
        rf"|{_PRINTED},?storageclass\.kubernetes\.io/is-default-class=true",
        "The default class is this cluster's own, which waits for the first pod.",
        "described|listed",
    ),
    Known(
        rf"{_PRINTED}Description: .*",
        "What the built-in classes are for is told in words of our own.",
        "described",
    ),
    Known(
        r"events? (of |)HorizontalPodAutoscaler hpa .*",
        "An autoscaler looks at once here; there, after fifteen seconds.",
        "described|listed",
    ),
    Known(
        r".* 422 .*is invalid: \[.*",
        "In which order several mistakes of one object are told is chance: that of a Go map.",
        "custom-objects|definitions-refused",
    ),
    Known(
        r"PATCH .* as \{('apiVersion'|'kind'|'spec': \{'paused'|'dta').*"
        r"|PATCH .*/scale as scale .*|PATCH .* as misspelt .*",
        "There the refusal contains the whole patched object, in the order of its fields.",
        "patches|only-tried",
    ),
    Known(
        r"POST .*/selfsubjectrulesreviews as \{'namespace': 'reviews'\} .*",
        "The build that was recorded brings a ConfigMap and a ClusterRole of its own that Kubernetes does not have.",
        "reviews",
    ),
    Known(
        r"GET .*watch.* ADDED ConfigMap a; ADDED ConfigMap kube-root-ca\.crt; .*",
        "That ConfigMap, among those that are watched.",
        "watches",
    ),
    Known(
        r"GET .*(resourceVersion=(1|<n>)&resourceVersionMatch=Exact|continue=nonsense|volumes\?fieldSelector=x%3Da).*",
        "Lists of the exact past are not kept here; what is wrong with a token, and what a volume could be selected by,"
        " is told in other words.",
        "lists-in-pieces",
    ),
    Known(
        r"GET .*resourceVersion=y as no version .*",
        "There a watch from no version at all is an internal error.",
        "watches",
    ),
    Known(
        r"PUT .* as other uid .*",
        "There the refusal names the place in the store.",
        "only-tried",
    ),
    Known(
        r".*fieldValidation=Strict&dryRun=All as other version, strictly .*|.*/status as status .*|.*fieldsV1 <.*",
        "Of a version that is not the path's there the fields are read first; a status is judged by itself.",
        "custom-objects",
    ),
    Known(
        rf"{_PRINTED}(error: Metrics API not available|Error from server \(NotFound\): pods\.metrics\.k8s\.io .*)",
        "What pods use is measured here; there nobody does.",
        "asked-about",
    ),
    Known(
        rf"{_PRINTED}.*json parse error: invalid character '.' looking for beginning of (object key string|value) .*"
        r"|POST .*/secrets as Secret docker-text .*",
        "Which character a parser stumbles over first is the parser's.",
        "paths-and-forms|refused-kinds",
    ),
    Known(
        r"POST .*horizontalpodautoscalers as HorizontalPodAutoscaler behavior .*|POST .*/events as Event new .*"
        r"|PATCH .*/controllerrevisions/cr as \{'revision': -2\} .*"
        r"|PATCH .*'hostPath'.*|PATCH .*'healthCheckNodePort'.*",
        "An empty list is none here, events are one kind in two groups, a volume's source is shown whole, and a node"
        " port for health checks is refused.",
        "refused-kinds|refused-updates",
    ),
    Known(
        r"PATCH .*/scale\?fieldManager=scaler as scale .*|\$11 .* \| .*scaler.*",
        "There a Scale of none has no replicas, so that to apply none is a change.",
        "apply-lists",
    ),
    Known(
        r"\$8 kubectl -n pruned .* \| .*",
        "kubectl shows all that it could not merge, with what the server alone wrote.",
        "pruned",
    ),
    Known(
        r"event Pod .* Failed to pull image .*|Deployment app condition Progressing: .*"
        r"|event Pod .* (Pulling|Failed) .*|events of Pod .*|count of Pod .*"
        r"|Pod app-<hash>-<id> (container|life).*|EndpointSlice app-<id> address: not ready",
        "No registry is asked, so that the failure is known at once, and told in other words, with the way out.",
        "patches",
    ),
    Known(
        rf"{_PRINTED}(\"|[-+] |@@|\}},).*",
        "There the refusal shows the difference of the two specs, as its program holds them; here the reason alone.",
        "pods-resized",
    ),
    Known(
        r"event Pod pod Normal ResizeCompleted .*",
        "There the kubelet, when it was recorded, told of the end with what the pod had before; here with what it has.",
        "pods-resized",
    ),
    Known(
        r"\$11 kubectl -n managers-without-apply get rs .*",
        "What the cluster makes for itself is not tracked until somebody applies to it.",
        "managers-without-apply",
    ),
    Known(
        r"Pod app-<hash>-<id> (life|phases): .*",
        "The recording ends while the last pod is going.",
        "ended-and-waited-for",
    ),
    Known(
        r"\$5 kubectl drain .*(alone|pending pods|unable to drain).*",
        "A pod ends as the time is up, and whether kubectl looks once more is chance.",
        "drain-refused",
    ),
    Known(
        r".* ends with status .*\"terminatingReplicas\": [01].*"
        r"|event Deployment app Normal ScalingReplicaSet .* Scaled down .*",
        "Whether two pods become available in one moment or after each other, and so go, is chance.",
        "deployment-scaled-mid-roll",
    ),
    Known(
        r"Pod too-many-2-<id> (container|life).*",
        "Whether a container ends by itself before it is killed is chance.",
        "job-indexes",
    ),
    Known(
        r"\$7 kubectl -n statefulset-partition rollout status .*",
        "Between two writes of a status, which of them kubectl sees is chance.",
        "statefulset-partition",
    ),
    Known(
        r"Pod app-<hash>-<id> (condition|container|life|phases).*",
        "A pod is told of as Ready sooner here, so that what is undone at once has not yet learned to end itself.",
        "deployment-restart-and-undo",
    ),
    Known(
        r"seconds of Pod \S+ from \[Pending; main waiting ContainerCreating r0\] to \[Running.*",
        "A recorded runtime took two seconds over some starts.",
        "probe-answers",
    ),
    Known(
        r"count of Pod \S+ (Unhealthy|ProbeWarning): .*",
        "Pods start a second sooner here, so that a probe or two more find room in the same five seconds.",
        "probe-http-kinds|probe-answers",
    ),
    Known(
        r"seconds of Pod container from .*",
        "How long it takes until a kubelet next looks at its disks, which it does every ten seconds, is chance.",
        "storage-limits",
    ),
    Known(
        r"ReplicaSet app ends with status .*",
        "There a ReplicaSet that is going still counts the pods that it has just let go.",
        "replicaset-adopts",
    ),
    Known(
        rf"{_PRINTED}(unable to retrieve container logs for <cid>|.*very short watch.*)",
        "A log that was cleaned up, and a watch that ended, just before they were asked for.",
    ),
    Known(
        r"seconds of Pod (once|now-<id>|app-<id>) .*",
        "A recorded kubelet that took longer over an end, or a start, than they usually take.",
        "oom-kinds|cronjob-by-hand|daemonset-update",
    ),
    Known(
        r".*Pod (start-http|start-missing|no-such-file|not-in-path) (container main|life).*"
        r"|\$1 .* (start-http|start-missing|no-such-file|not-in-path) .*"
        r"|\$2 .* Reason: (RunContainerError|CrashLoopBackOff)",
        "When a kubelet next looks at a container that it has ended itself, or could not start, is chance.",
        "hooks-failing|start-command-missing",
    ),
    Known(
        r"seconds of Pod \S+ from \[(Pending; \w+ waiting ContainerCreating"
        r"|Running; \w+ (running( ready)?|terminated \w+ \d+)) r0\] to .*",
        "A dozen pods at once took the recorded kubelets longer over starts and ends than they usually take.",
        "exits|volume-contents|security-contexts|environment-kinds|probe-thresholds|job-index-policies|job-changes",
    ),
    Known(
        r"seconds of Pod (done|fails|slow|ill|unready) from .*|.*Pod (never-up|ill) (container a|life).*"
        rf"|{_PRINTED}Warning BackOff .* container a in pod (never-up|crashes|ill)_.*",
        "A recorded kubelet that took longer over an end, or a start, than they usually take, and a restart for it.",
        "sidecars",
    ),
    Known(
        rf"{_PRINTED}.*Warning Unhealthy .*(\"nonsense\"|no running task found|CONTAINER_EXITED).*"
        r"|event Pod (d-<id>|no-program) Warning Unhealthy .*|events of Pod (d-<id>|no-program) in order: .*",
        "How often a probe is tried, and whether one is just then tried of a container that ends, is chance.",
        "probe-thresholds|daemonset-places",
    ),
    Known(
        rf"{_PRINTED}(terminating: \d|(waits|replaces)-<id> 0/1 Error .*)",
        "The recorded pods took longer to go than these.",
        "job-changes",
    ),
    Known(
        r"Pod d-<id> (condition|container|life|phases).*|event Pod d-<id> Normal Killing from kubelet: .*",
        "The recording ends while a pod is still going.",
        "daemonset-places",
    ),
    Known(
        r".*not eligible due to a terminating pod on the nominated node.*|Pod dear condition PodScheduled: .*"
        r"|events of Pod (cheap|kept) in order: .*",
        "Whether a pod is tried again before those have gone that make room for it, and which of two events is told"
        " first, is chance.",
        "preemption",
    ),
    Known(
        r"Pod (db-6|app-<hash>-<id>) condition (Containers)?Ready: False ContainersNotReady [^>]*( > False PodFailed)?"
        r"|EndpointSlice db-<id> address: not ready > (terminating > )?absent",
        "How much of the end of a pod that never started is told before it is gone is chance.",
        "statefulset-kinds|deployment-scaled-mid-roll",
    ),
    Known(
        r"Deployment app (condition Available|ends with status).*",
        "Whether a Deployment that lets its ReplicaSets go counts once more before it is gone is chance.",
        "deployment-adopts",
    ),
    Known(
        rf"{_PRINTED}((by-name|early|two) .*|(by-name|early|two)- .*|Endpoints: .*)|EndpointSlice \S+ address: .*",
        "Subsets of Endpoints are in the order of a hash and the endpoints of a slice in that of a map, which is"
        " chance; several slices of a Service have one name here.",
        "endpoint-ports",
    ),
    Known(
        r".*Node didn't have enough resource: .*",
        "What the machines are: their size, and who else runs on them.",
        "node-named-by-hand",
    ),
    Known(
        rf"{_PRINTED}Cap(Bnd|Eff|Prm): 000001f.*",
        "What reaches past every namespace into the machine's kernel is given to nobody, also where all is asked for.",
        "security-contexts",
    ),
    Known(
        r"POST \S*customresourcedefinitions\S* as dear .*",
        "What a rule may cost is not estimated with the definition; it is counted when the rule is asked.",
        "rules-refused",
    ),
    Known(
        r".*MissingJob.*|events of CronJob keeps-none in order: .*",
        "Whether a controller still sees a Job that it has just deleted is chance.",
        "cronjob-policies",
    ),
)

NOT_REPLAYED = {
    "tables": "what was applied was not recorded; the recorded Tables are compared in tests/api_faces.",
}
"""Recorded cases that are not asked again, and why."""
