"""A live workload, written down as its owner would have."""

from typing import Any

from chaos.export import LEFT_OUT, belonging, cleaned

Obj = dict[str, Any]


def live(kind: str, name: str, spec: Obj | None = None, **more: Any) -> Obj:
    """An object as an API server hands it out."""
    metadata = {
        "name": name,
        "namespace": "prod",
        "uid": "6f1c",
        "resourceVersion": "81",
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "managedFields": [{}],
        "annotations": {"deployment.kubernetes.io/revision": "3"},
    }
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec or {}, "status": {}, **more}


POD: Obj = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {
        "serviceAccountName": "web",
        "volumes": [
            {"name": "config", "configMap": {"name": "settings"}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "orders"}},
        ],
        "containers": [
            {
                "name": "web",
                "envFrom": [{"secretRef": {"name": "keys"}}],
                "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "flags", "key": "a"}}}],
            }
        ],
    },
}
TARGET = live("Deployment", "web", {"template": POD})


def taken(*objects: Obj) -> list[str]:
    return [f"{o['kind']}/{o['metadata']['name']}" for o in belonging(objects, TARGET)]


def test_what_the_pods_name_comes_along() -> None:
    around = [
        live("ConfigMap", "settings"),
        live("ConfigMap", "flags"),
        live("ConfigMap", "of-somebody-else"),
        live("Secret", "keys"),
        live("PersistentVolumeClaim", "orders"),
        live("ServiceAccount", "web"),
        live("ServiceAccount", "default"),
    ]
    assert taken(*around) == [
        "Deployment/web",
        "ConfigMap/settings",
        "ConfigMap/flags",
        "Secret/keys",
        "PersistentVolumeClaim/orders",
        "ServiceAccount/web",
    ]


def test_what_selects_or_scales_the_pods_comes_along() -> None:
    ours, others = {"matchLabels": {"app": "web"}}, {"matchLabels": {"app": "api"}}
    around = [
        live("Service", "front", {"selector": {"app": "web"}}),
        live("Service", "other", {"selector": {"app": "api"}}),
        live("Service", "without-selector", {}),
        live("PodDisruptionBudget", "web", {"selector": ours}),
        live("PodDisruptionBudget", "api", {"selector": others}),
        live("NetworkPolicy", "everyone", {"podSelector": {}}),
        live("HorizontalPodAutoscaler", "web", {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}),
        live("HorizontalPodAutoscaler", "api", {"scaleTargetRef": {"kind": "Deployment", "name": "api"}}),
    ]
    assert taken(*around) == [
        "Deployment/web",
        "Service/front",
        "PodDisruptionBudget/web",
        "NetworkPolicy/everyone",
        "HorizontalPodAutoscaler/web",
    ]


def test_what_the_cluster_wrote_stays_behind() -> None:
    service = live(
        "Service",
        "front",
        {"clusterIP": "198.18.0.9", "clusterIPs": ["198.18.0.9"], "ports": [{"port": 80, "nodePort": 31000}]},
    )
    assert cleaned(service) == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "front"},
        "spec": {"ports": [{"port": 80}]},
    }


def test_no_value_of_a_secret_is_written_down() -> None:
    secret = live("Secret", "keys", data={"password": "aHVudGVyMg=="})
    found = cleaned(secret)
    assert "aHVudGVyMg==" not in str(found)
    assert found["stringData"] == {"password": LEFT_OUT}
