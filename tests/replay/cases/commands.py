"""kubectl's verbs: what it shows of each kind, makes of its flags, changes, waits for and refuses."""

from asyncio import sleep
from typing import Any

import yaml

from tests.replay.case import Obj, app, bare, brief, case, shell
from tests.replay.stage import Stage

RBAC = "rbac.authorization.k8s.io"


def _of(version: str, kind: str, name: str, **rest: Any) -> Obj:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **rest}


def _template(**spec: Any) -> Obj:
    return {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [shell("c", "sleep 600")], **spec}}


def _kinds() -> list[Obj]:
    """One of each kind in a namespace that nobody runs anything for."""
    selector = {"matchLabels": {"a": "b"}}
    never = _template(restartPolicy="Never", nodeSelector={"no": "where"})
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nope"}
    backend = {"service": {"name": "svc", "port": {"number": 80}}}
    paths = [
        {"path": "/a", "pathType": "Prefix", "backend": backend},
        {"path": "/b", "pathType": "Exact", "backend": backend},
    ]
    peers = [
        {"podSelector": {"matchLabels": {"a": "b"}}, "namespaceSelector": {}},
        {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
    ]
    limit = {
        "type": "Container",
        "default": {"cpu": "1"},
        "defaultRequest": {"cpu": "100m"},
        "max": {"cpu": "2"},
        "min": {"cpu": "50m"},
    }
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
    memory = {
        "type": "Resource",
        "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "100Mi"}},
    }
    claim = _of(
        "v1",
        "PersistentVolumeClaim",
        "d",
        spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    )
    return [
        _of(
            "batch/v1",
            "Job",
            "job",
            spec={"suspend": True, "template": never, "completions": 2, "activeDeadlineSeconds": 90},
        ),
        _of(
            "batch/v1",
            "CronJob",
            "cron",
            spec={
                "schedule": "0 0 31 2 *",
                "suspend": True,
                "timeZone": "Etc/UTC",
                "concurrencyPolicy": "Forbid",
                "jobTemplate": {"spec": {"template": never}},
            },
        ),
        _of(
            "apps/v1",
            "StatefulSet",
            "sts",
            spec={
                "replicas": 0,
                "serviceName": "svc",
                "selector": selector,
                "template": _template(),
                "volumeClaimTemplates": [claim],
            },
        ),
        _of(
            "apps/v1",
            "DaemonSet",
            "ds",
            spec={"selector": selector, "template": _template(nodeSelector={"no": "where"})},
        ),
        _of("apps/v1", "Deployment", "deploy", spec={"replicas": 0, "selector": selector, "template": _template()}),
        _of(
            "networking.k8s.io/v1",
            "Ingress",
            "ing",
            spec={
                "ingressClassName": "none",
                "rules": [{"host": "a.example.com", "http": {"paths": paths}}],
                "tls": [{"hosts": ["a.example.com"], "secretName": "sec"}],
            },
        ),
        _of(
            "networking.k8s.io/v1",
            "Ingress",
            "ing-default",
            spec={"ingressClassName": "none", "defaultBackend": backend},
        ),
        _of(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "np",
            spec={
                "podSelector": selector,
                "ingress": [
                    {
                        "from": peers,
                        "ports": [{"port": 80}, {"port": "http", "protocol": "UDP"}, {"port": 90, "endPort": 99}],
                    }
                ],
                "egress": [{}],
                "policyTypes": ["Ingress", "Egress"],
            },
        ),
        _of("networking.k8s.io/v1", "NetworkPolicy", "np-none", spec={"podSelector": {}, "policyTypes": ["Ingress"]}),
        _of("policy/v1", "PodDisruptionBudget", "pdb", spec={"minAvailable": "50%", "selector": selector}),
        _of(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            "hpa",
            spec={
                "maxReplicas": 3,
                "scaleTargetRef": target,
                "metrics": [cpu, memory],
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 5}},
            },
        ),
        _of(
            "v1",
            "PersistentVolumeClaim",
            "pvc",
            spec={
                "storageClassName": "nope",
                "accessModes": ["ReadWriteMany"],
                "resources": {"requests": {"storage": "1Mi"}},
            },
        ),
        _of("v1", "ServiceAccount", "sa", imagePullSecrets=[{"name": "pull"}], secrets=[{"name": "sec"}]),
        _of(
            f"{RBAC}/v1",
            "Role",
            "role",
            rules=[
                {"apiGroups": ["", "apps"], "resources": ["pods", "deployments"], "verbs": ["get", "list"]},
                {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["sec"], "verbs": ["*"]},
            ],
        ),
        _of(
            f"{RBAC}/v1",
            "RoleBinding",
            "rb",
            roleRef={"apiGroup": RBAC, "kind": "Role", "name": "role"},
            subjects=[{"kind": "ServiceAccount", "name": "sa"}, {"kind": "User", "name": "me", "apiGroup": RBAC}],
        ),
        _of("v1", "ConfigMap", "cm", data={"a": "one\ntwo\n", "b": ""}, binaryData={"c": "AAEC"}),
        _of("v1", "Secret", "sec", stringData={"a": "one"}, type="example.com/x"),
        _of(
            "v1",
            "ResourceQuota",
            "quota",
            spec={"hard": {"requests.cpu": "4", "pods": "40", "count/secrets": "9"}, "scopes": ["NotTerminating"]},
        ),
        _of(
            "v1",
            "LimitRange",
            "lr",
            spec={"limits": [limit, {"type": "Pod", "max": {"memory": "1Gi"}, "maxLimitRequestRatio": {"cpu": "4"}}]},
        ),
        _of("v1", "ReplicationController", "rc", spec={"replicas": 0, "selector": {"a": "b"}, "template": _template()}),
        _of(
            "v1",
            "Service",
            "svc",
            spec={
                "selector": {"a": "b"},
                "ports": [{"port": 80, "name": "http", "targetPort": "http"}],
                "sessionAffinity": "ClientIP",
            },
        ),
        _of("coordination.k8s.io/v1", "Lease", "lease", spec={"holderIdentity": "me", "leaseDurationSeconds": 15}),
        _of("apps/v1", "ControllerRevision", "rev", revision=3, data={"a": 1}),
        _of("v1", "PodTemplate", "pt", template=_template()),
    ]


_NAMED = (
    *("job/job", "cronjob/cron", "sts/sts", "ds/ds", "deploy/deploy", "ing/ing", "ing/ing-default", "netpol/np"),
    *("netpol/np-none", "pdb/pdb", "hpa/hpa", "pvc/pvc", "sa/sa", "role/role", "rolebinding/rb", "cm/cm"),
    *(
        "secret/sec",
        "quota/quota",
        "limits/lr",
        "rc/rc",
        "svc/svc",
        "lease/lease",
        "controllerrevision/rev",
        "podtemplate/pt",
    ),
)


@case("described")
async def described(stage: Stage) -> None:
    """describe, a kind each."""
    for obj in _kinds():
        await stage.create(obj)
    await sleep(1)
    for name in _NAMED:
        await stage.kubectl("describe", name, "--show-events=false")
    await stage.commands(
        """
        describe storageclass standard
        describe priorityclass system-node-critical
        describe clusterrole system:discovery
        describe clusterrolebinding system:discovery
        """
    )


@case("listed")
async def listed(stage: Stage) -> None:
    """get, a kind each, in wide tables; and the other forms of output."""
    for obj in _kinds():
        await stage.create(obj)
    await sleep(1)
    kinds = (
        "job,cronjob,sts,ds,deploy,ing,netpol,pdb,hpa,pvc,sa,"
        "role,rolebinding,cm,secret,quota,limits,rc,svc,lease,controllerrevision,podtemplate"
    )
    await stage.commands(
        f"""
        get {kinds} -o wide
        get {kinds} -o name
        get all --show-labels
        get deploy -L app,a
        get deploy --no-headers
        get deploy -o jsonpath={{.items[0].spec.selector}}
        get deploy -o jsonpath={{range|.items[*]}}{{.metadata.name}}{{"\\t"}}{{.spec.replicas}}{{"\\n"}}{{end}}
        get deploy deploy -o jsonpath={{.nothing}}
        get deploy deploy -o jsonpath={{.nothing --allow-missing-template-keys=false
        get deploy deploy -o go-template={{{{.spec.replicas}}}}
        get deploy deploy -o custom-columns=NAME:.metadata.name,IMAGE:.spec.template.spec.containers[*].image,NO:.no
        get deploy deploy -o odd
        get cm --sort-by=.metadata.name
        get cm --sort-by=.nothing
        get cm --show-kind
        get cm cm nope
        get cm cm -l a=b
        get cm --field-selector metadata.name=cm
        get secret sec -o jsonpath={{.data.a}}
        get sc,priorityclass -o name
        get sc -o wide
        get priorityclass -o wide
        get deploy/deploy svc/svc
        get job,cm -o name --ignore-not-found
        """.replace("|", "\\ ")
        .replace('{"', "'{\"")
        .replace('"}', "\"}'")
    )


@case("created-by-flags")
async def created(stage: Stage) -> None:
    """kubectl create KIND with its flags, tried by the server and as kubectl writes it."""
    for line in """
        create deploy d --image=demo/app:1 --replicas=2 --port=80 -- sh -c true
        create job j --image=busybox:1.36 -- true
        create cronjob c --image=busybox:1.36 --schedule=@daily --restart=OnFailure -- true
        create service clusterip s --tcp=80:8080 --tcp=443
        create service nodeport s --tcp=80 --node-port=31888
        create service loadbalancer s --tcp=80
        create service externalname s --external-name=example.com
        create ingress i --rule=a.example.com/x*=s:80,tls=t --default-backend=s:80 --class=nope
        create configmap m --from-literal=a=b --append-hash
        create secret generic s --from-literal=a=b --type=example.com/x
        create secret docker-registry s --docker-username=u --docker-password=p --docker-server=example.com
        create role r --verb=get,list --resource=pods,deployments.apps --resource-name=x
        create clusterrole replay-r --verb=get --non-resource-url=/x
        create clusterrole replay-r --aggregation-rule=a=b
        create rolebinding b --role=r --user=u --group=g --serviceaccount=default:default
        create clusterrolebinding replay-b --clusterrole=view --group=g
        create serviceaccount s
        create quota q --hard=pods=3,cpu=1 --scopes=BestEffort
        create pdb p --selector=a=b --min-available=50%
        create priorityclass replay-p --value=5 --description=five --preemption-policy=Never
        create namespace replay-n
    """.strip().splitlines():
        words = line.strip().replace(" -- ", " --dry-run=server -o yaml -- ").split()
        await stage.kubectl(*words, *(() if "--" in words else ("--dry-run=server", "-o", "yaml")))


@case("created-wrongly")
async def wrongly(stage: Stage) -> None:
    await stage.commands(
        """
        create deploy
        create deploy d
        create deploy Bad_Name --image=x
        create job j --image=x --from=cronjob/c
        create job j --from=cronjob/nope
        create job j --from=deploy/nope
        create cronjob c --image=x --schedule=never
        create service clusterip s
        create service nodeport s --tcp=80 --node-port=1
        create ingress i
        create ingress i --rule=nonsense
        create role r --verb=get --resource=nonsense
        create role r --verb=odd --resource=pods
        create role r --resource=pods
        create rolebinding b --clusterrole=view --role=r
        create rolebinding b
        create quota q --hard=bananas=1
        create pdb p --selector=a=b
        create priorityclass replay-p --value=x
        create priorityclass replay-p --value=2000000000
        create token default --duration=5s
        create token default --duration=10m --bound-object-kind=Pod --bound-object-name=nope
        create secret tls t --cert=/nope --key=/nope
        create nonsense x
        run r
        run r --image=x --restart=Sometimes
        run r --image=x --dry-run=odd
        expose svc nope --port=80
        autoscale deploy nope --max=2
        autoscale deploy nope --min=3 --max=2
        """
    )
    await stage.kubectl("create", "-f", "-", stdin="")
    await stage.kubectl("create", "-f", "-", stdin="a: b\n")
    await stage.kubectl("create", "-f", "-", stdin="a: [b\n")
    await stage.kubectl("create", "-f", "-", stdin="apiVersion: v1\nkind: Nonsense\nmetadata: {name: a}\n")
    await stage.kubectl("create", "-f", "/nope.yaml")


@case("changed-by-verbs")
async def changed(stage: Stage) -> None:
    """label, annotate, scale, set, expose, autoscale, replace, diff, patch, apply with prune: what they say and do."""
    await stage.apply(*app(replicas=0), _of("v1", "ConfigMap", "m", data={"a": "1"}))
    changed = _of("v1", "ConfigMap", "m", data={"a": "2"})
    await stage.commands(
        """
        label configmap m a=1
        label configmap m a=1
        label configmap m a=2
        label configmap m a=2 --overwrite
        label configmap m b-
        label configmap m a-
        label configmap m a/b/c=1
        label configmap m a=b c
        label configmap m x=1 --resource-version=1
        label configmap m --list
        label configmaps --all all=1
        label configmaps -l all=1 more=1
        annotate configmap m a=1
        annotate configmap m a=2
        annotate configmap nope a=2
        scale deploy app --replicas=0 --current-replicas=3
        scale deploy app --replicas=0 --current-replicas=0
        scale deploy app --replicas=-1
        scale deploy app
        scale configmap m --replicas=1
        scale deploy -l app=app --replicas=0
        set image deploy/app app=demo/app:2
        set image deploy/app *=demo/app:3 --local
        set env deploy/app A=1 B-
        set env deploy/app --list
        set env deploy/app --from=configmap/m --prefix=M_
        set env configmap/m A=1
        set resources deploy/app -c=app --limits=cpu=1
        set resources deploy/app --limits=bananas=1
        set serviceaccount deploy/app other
        set selector svc/app a=b
        set subject rolebinding nope --user=x
        expose deploy app --name=exposed --port=90
        expose deploy app --name=app --port=90
        expose configmap m --port=80
        autoscale deploy app --max=2 --cpu-percent=50
        autoscale deploy app --max=2
        """
    )
    await stage.kubectl("diff", "-f", "-", stdin=yaml.safe_dump(changed))
    await stage.kubectl("replace", "-f", "-", stdin=yaml.safe_dump(changed))
    await stage.kubectl("replace", "--force", "-f", "-", stdin=yaml.safe_dump(changed))
    await stage.kubectl("replace", "-f", "-", stdin=yaml.safe_dump(_of("v1", "ConfigMap", "nope")))
    await stage.kubectl("get", "deploy,svc,hpa", "-o", "yaml")


@case("ended-and-waited-for")
async def ended(stage: Stage) -> None:
    """delete and wait in their forms, rollout of what cannot, prune, events."""
    await stage.apply(*brief(), bare("pod", shell("main", "sleep 600")), _of("v1", "ConfigMap", "m", data={"a": "1"}))
    await stage.commands(
        """
        wait deploy/app --for=condition=Available --timeout=20s
        wait pod --all --for=condition=Ready --timeout=20s
        wait deploy/app --for=condition=Odd --timeout=1s
        wait deploy/app --for=condition=Available=false --timeout=1s
        wait deploy/app --for=jsonpath={.status.readyReplicas}=1 --timeout=5s
        wait deploy/app --for=jsonpath={.status.readyReplicas}=2 --timeout=1s
        wait deploy/app --for=jsonpath={.status.readyReplicas} --timeout=1s
        wait deploy/app --for=nonsense
        wait deploy/app
        wait pod -l app=nobody --for=condition=Ready --timeout=1s
        wait pod/nope --for=delete --timeout=1s
        wait configmap/late --for=create --timeout=1s
        rollout status deploy/app --timeout=5s
        rollout status deploy/app --revision=9
        rollout undo deploy/app
        rollout pause deploy/app
        rollout pause deploy/app
        rollout restart deploy/app
        rollout undo deploy/app
        rollout resume deploy/app
        rollout resume deploy/app
        rollout history deploy/app --revision=1
        rollout restart configmap/m
        rollout pause pod/pod
        rollout status configmap/m
        delete pod pod --force --grace-period=3
        delete pod pod --force
        delete configmap m --now
        delete configmap m
        delete configmap
        delete configmap m --cascade=odd
        delete configmaps -l a=b
        delete configmap a --all
        delete deploy app --cascade=background --wait=true --timeout=10s
        get events --for deploy/app
        events --for pod/pod --types=Normal
        events --types=Odd
        """
    )


@case("pruned")
async def pruned(stage: Stage) -> None:
    def labelled(name: str, **data: str) -> Obj:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "labels": {"set": "one"}},
            "data": data,
        }

    async def apply(*maps: Obj, options: str) -> None:
        await stage.kubectl("apply", "-f", "-", *options.split(), stdin=yaml.safe_dump_all(maps))

    await apply(labelled("a"), labelled("b"), labelled("c"), options="-l set=one")
    await apply(labelled("a", x="1"), options="--prune -l set=one --prune-allowlist=core/v1/ConfigMap --dry-run=server")
    await apply(labelled("a", x="1"), options="--prune -l set=one --prune-allowlist=core/v1/ConfigMap")
    await apply(labelled("a"), options="--prune")
    await apply(labelled("a", x="2"), options="--dry-run=client")
    await apply(labelled("a", x="2"), options="--dry-run=server")
    await apply(labelled("a", x="2"), options="--dry-run=server --server-side")
    await apply(labelled("a", x="2"), options="--server-side")
    await apply(labelled("a", x="3"), options="--overwrite=false")
    await apply(labelled("a", x="4"), options="--force-conflicts")
    await apply({**labelled("a"), "apiVersion": "v2"}, options="")
    await apply({**labelled("a"), "metadata": {"generateName": "a-"}}, options="")
    await apply({**labelled("a"), "metadata": {"name": "a", "namespace": "default"}}, options="")
    await stage.commands(
        """
        apply set-last-applied -f /nope
        apply view-last-applied configmap a
        apply edit-last-applied
        get configmap a -o yaml
        delete -l set=one configmap
        """
    )


@case("asked-about")
async def asked(stage: Stage) -> None:
    """What the cluster says of itself: kinds, versions, fields, rights, figures that are not measured."""
    await stage.commands(
        """
        api-resources --api-group=apps -o wide
        api-resources --api-group= --namespaced=false -o wide
        api-resources --api-group=batch --no-headers
        api-resources --api-group=rbac.authorization.k8s.io -o name
        api-resources --api-group=autoscaling
        api-resources --api-group=nope
        api-resources --verbs=odd
        api-resources --categories=all -o name
        cluster-info
        auth can-i get pods
        auth can-i get nonsense
        auth can-i odd pods
        auth can-i get nodes
        auth can-i get pods --as=nobody
        auth can-i get pods/log --as=nobody
        auth can-i get pods nope --as=nobody
        auth can-i list pods -A --as=nobody
        auth can-i get /healthz --as=nobody
        auth can-i nonsense
        auth can-i get pods --as=nobody -q
        auth whoami
        auth whoami --as=nobody --as-group=g --as-uid=7
        explain configmap.nope
        explain nonsense
        explain pods --api-version=v2
        explain deployment.spec.replicas --output=odd
        top pod nope
        version -o odd
        get --raw /version/nope
        get --raw /nope
        """
    )
