"""An Ingress made by kubectl is served, and pods reach it."""

from tests.kubectl.kubectl import Kubectl

PAGE = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: web
    image: python:3.12-slim
    command: [python3, -m, http.server, "8080"]
    ports: [{containerPort: 8080}]
    readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
"""
ASK = (
    "import http.client as h; c = h.HTTPConnection('{address}', timeout=5);"
    "c.request('GET', '/', headers={{'Host': '{host}'}}); print(c.getresponse().status)"
)


def test_an_ingress_is_created_listed_described_and_serves(kubectl: Kubectl) -> None:
    kubectl.ok("apply", "-f", "-", stdin=PAGE)
    kubectl.ok("expose", "pod", "web", "--port=80", "--target-port=8080")
    kubectl.ok("wait", "--for=condition=Ready", "pod/web", "--timeout=20s")
    created = kubectl.ok("create", "ingress", "shop", "--rule=shop.test/*=web:80", "--rule=tls.test/=web:80,tls")
    assert created == "ingress.networking.k8s.io/shop created\n"
    kubectl.until("198.19.255.252", "get", "ingress", "shop")
    row = kubectl.ok("get", "ingress").splitlines()[1].split()
    assert row[:6] == ["shop", "nginx", "shop.test,tls.test", "198.19.255.252", "80,", "443"]
    assert "web:80 (198.18." in kubectl.ok("describe", "ingress", "shop")
    asked = {host: ASK.format(address="198.19.255.252", host=host) for host in ("shop.test", "tls.test", "no.test")}
    said = {host: kubectl.ok("exec", "web", "--", "python3", "-c", code).strip() for host, code in asked.items()}
    assert said == {"shop.test": "200", "tls.test": "308", "no.test": "404"}
