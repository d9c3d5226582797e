"""A small scenario folder on disk, of which a test can spoil any part."""

from pathlib import Path

from pydantic import Field

from chaos.problems import InputErrors
from chaos.promise import Model
from chaos.scenario import Scenario, read


class Params(Model):
    """The parameters of the stand-in faults."""

    pods: int = Field(default=1, ge=1)


class Kind:
    """A fault as far as reading a scenario needs one."""

    params = Params

    def __init__(self, *exercises: str) -> None:
        self.exercises = exercises


FAULTS = {"deadlock": Kind("health-checks"), "memory-leak": Kind("resources")}

SCENARIO = """\
scenario: lying-health-checks
pattern: lying-health-checks
title: The pod says Running
lesson: |
  Running is not serving.
workload:
  manifests: [workloads/shop.yaml]
  target: deployment/storefront
  bystanders: [deployment/newsletter]
load:
  service: storefront
  locustfile: browse.py
  arrivals: 40/s
  timeout: 1s
steady_state: {availability: ">= 99%", p95: "<= 300ms"}
phases: {baseline: 8s, fault: 25s, recovery: 15s}
fault:
  deadlock: {pods: 1}
defenses: [health-checks]
variants:
  undefended: {strip: [health-checks]}
  defended: {}
expect:
  undefended: {health-checks: broke}
  defended: {health-checks: held, detect: "<= 10s", recover: "<= 15s"}
"""

SHOP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: storefront}
spec: {template: {metadata: {labels: {app: storefront}}, spec: {containers: [{name: main}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: newsletter}
spec: {template: {metadata: {labels: {app: newsletter}}, spec: {containers: [{name: main}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: storefront}
spec: {selector: {app: storefront}, ports: [{port: 80}]}
"""


class Folder:
    """The files of one scenario; `errors()` is what reading them reports."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path / "scenario.yaml"
        self.shop = path / "workloads" / "shop.yaml"
        self.shop.parent.mkdir()
        self.file.write_text(SCENARIO)
        self.shop.write_text(SHOP)
        (path / "browse.py").write_text("import locust\n")

    def change(self, old: str, new: str) -> "Folder":
        text = self.file.read_text()
        assert old in text, old
        self.file.write_text(text.replace(old, new, 1))
        return self

    def read(self) -> Scenario:
        return read(self.file, FAULTS)

    def errors(self) -> list[str]:
        """Each as `line:column: message`; those of other files with the file's name."""
        try:
            self.read()
        except InputErrors as error:
            return [str(p).removeprefix(f"{self.file}:").strip() for p in error.problems]
        return []
