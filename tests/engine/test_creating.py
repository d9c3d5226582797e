"""Creating objects in a namespace that was made a moment ago."""

from typing import Any, cast

import pytest

from chaos.deploy import create_patiently
from chaos.kube import Kube, Refused

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}


class Namespace:
    """Refuses with the given answers, one after the other, then takes everything."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.created: list[dict[str, Any]] = []

    def create(self, manifest: dict[str, Any], namespace: str) -> None:
        assert namespace == "n"
        if self.answers:
            raise Refused(403, "Forbidden", self.answers.pop(0))
        self.created.append(manifest)


def test_a_service_account_that_is_not_there_yet_is_waited_for() -> None:
    namespace = Namespace(*['error looking up service account n/default: serviceaccount "default" not found'] * 3)
    create_patiently(cast(Kube, namespace), POD, "n")
    assert namespace.created == [POD]


def test_any_other_no_is_final() -> None:
    namespace = Namespace("exceeded quota")
    with pytest.raises(Refused, match="exceeded quota"):
        create_patiently(cast(Kube, namespace), POD, "n")
    assert namespace.created == []


def test_one_that_never_comes_is_told_and_not_passed_over() -> None:
    namespace = Namespace(*['serviceaccount "default" not found'] * 1000)
    with pytest.raises(Refused, match="serviceaccount"):
        create_patiently(cast(Kube, namespace), POD, "n")
