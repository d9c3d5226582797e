"""What a real cluster refuses is refused here too, and kubectl says why in the same words."""

import pytest

from tests.kubectl.kubectl import Kubectl

TYPED = """
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: [{name: a, image: busybox, env: [{name: SIZE, value: 5}]}]}
"""
NOT_BASE64 = """
apiVersion: v1
kind: Secret
metadata: {name: s}
data: {a: "not base64!"}
"""


def test_a_patch_that_does_not_apply(kubectl: Kubectl) -> None:
    kubectl.ok("create", "configmap", "c")
    said = kubectl("patch", "configmap", "c", "--type=json", '-p=[{"op":"remove","path":"/data/x"}]')
    assert said.err == "The request is invalid: the server rejected our request due to an error in our request\n"


@pytest.mark.parametrize(
    "words",
    [
        ("scale", "pod", "p", "--replicas=2"),
        ("get", "--raw", "/api/v1/nothing"),
        ("get", "--raw", "/nowhere"),
        ("get", "--raw", "/apis/nobody.example.com/v1/things"),
    ],
)
def test_what_is_not_there(kubectl: Kubectl, words: tuple[str, ...]) -> None:
    if words[0] == "scale":
        kubectl.ok("run", "p", "--image=busybox", "--", "sleep", "9")
    said = kubectl(*words)
    assert said.err == "Error from server (NotFound): the server could not find the requested resource\n"


def test_a_value_of_the_wrong_type(kubectl: Kubectl) -> None:
    said = kubectl("create", "-f", "-", stdin=TYPED)
    assert said.err == (
        'Error from server (BadRequest): error when creating "STDIN": Pod in version "v1" cannot be handled as a Pod: '
        "json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string\n"
    )


def test_data_that_is_not_base64(kubectl: Kubectl) -> None:
    said = kubectl("create", "-f", "-", stdin=NOT_BASE64)
    assert said.err.endswith("cannot be handled as a Secret: illegal base64 data at input byte 3\n")


def test_a_field_that_cannot_be_selected_by_is_told_once(kubectl: Kubectl) -> None:
    said = kubectl("get", "pods", "--field-selector=spec.colour=red")
    assert said.err.count("field label not supported: spec.colour") == 1
    assert said.err.count("Unable to find") == 1


class TestExec:
    def test_in_a_container_that_is_none(self, app: Kubectl) -> None:
        name = app.ok("get", "pods", "-o", "jsonpath={.items[0].metadata.name}")
        said = app("exec", name, "-c", "nosuch", "--", "ls")
        assert said.err == f"Error from server (BadRequest): container nosuch is not valid for pod {name}\n"

    def test_in_a_container_that_does_not_run(self, kubectl: Kubectl) -> None:
        kubectl.ok("run", "none", "--image=missing/image:1")
        kubectl.until("ErrImagePull", "get", "pod", "none")
        refused = 'error: unable to upgrade connection: container not found ("none")\n'
        assert kubectl("exec", "none", "--", "ls").err == refused


def test_a_diff_shows_what_would_change_alone(kubectl: Kubectl) -> None:
    map_ = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '%s'}\n"
    kubectl.ok("apply", "-f", "-", stdin=map_ % "1")
    said = kubectl("diff", "-f", "-", stdin=map_ % "2")
    assert said.code == 1
    changed = [line for line in said.lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == ['-  a: "1"', '+  a: "2"']
