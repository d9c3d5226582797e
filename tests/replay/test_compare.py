"""The comparer sees every difference that counts and none that does not."""

import pytest

from tests.replay.compare import Known, compare, same_count, same_time
from tests.replay.facts import Facts, Row, facts
from tests.replay.normal import normal, squeezed


def pod(t: float, phase: str, *, name: str = "app-7f49fbbfc9-4kk8j", type: str = "MODIFIED", **status: object) -> Row:
    metadata = {"name": name, "uid": name}
    return {
        "t": t,
        "watch": "Pod",
        "type": type,
        "object": {"metadata": metadata, "status": {"phase": phase, **status}},
    }


def event(reason: str, *, count: int = 1, message: str = "so it is", uid: str = "e") -> Row:
    whom = {"kind": "Pod", "name": "app-7f49fbbfc9-4kk8j"}
    told = {"type": "Normal", "reason": reason, "message": message, "count": count, "involvedObject": whom}
    return {"t": 1.0, "watch": "Event", "type": "ADDED", "object": {"metadata": {"name": uid, "uid": uid}, **told}}


class TestNormalising:
    @pytest.mark.parametrize(
        ("here", "there"),
        [
            ("app-7f49fbbfc9-4kk8j on node1", "app-5d8c7bf6b4-zz2x4 on node2"),
            ("pod app-7f49fbbfc9-4kk8j_oom(32de6fad-9496-48b9-ae3a-62c26bcbef96)", "pod <name>_oom(<uid>)"),
            ("198.18.1.29:8080", "198.18.0.3:8080"),
            ("29s (x2 over 44s) kubelet", "1m5s kubelet"),
            ("Container image python:3.12-slim", "Container image demo/app:1"),
            ("docker.io/library/python:3.12-slim", "docker.io/demo/app:1"),
            ("started 2026-11-22T20:38:53Z", "started 2026-01-01T00:00:00Z"),
        ],
    )
    def test_names_addresses_times_and_images_do_not_count(self, here: str, there: str) -> None:
        assert normal(here) == normal(there).replace("<name>", "app-<hash>-<id>")

    @pytest.mark.parametrize(
        "text",
        ["back-off 10s restarting", "delay=0s timeout=1s period=2s", "op=Exists for 300s", "2/2 nodes are", "exit 3"],
    )
    def test_settings_and_counts_do(self, text: str) -> None:
        assert normal(text) == text

    def test_the_width_of_a_column_does_not_count(self) -> None:
        assert squeezed("NAME                   READY") == squeezed("NAME   READY")


class TestFacts:
    def test_a_state_reported_twice_is_one_step(self) -> None:
        rows = [pod(0, "Pending"), pod(1, "Pending"), pod(2, "Running")]
        assert "Pod app-<hash>-<id> phases: Pending > Running" in facts(rows).lines

    def test_two_pods_that_live_alike_count_twice(self) -> None:
        rows = [pod(0, "Pending"), pod(0, "Pending", name="app-7f49fbbfc9-5ll9k")]
        assert facts(rows).lines.count("Pod app-<hash>-<id> phases: Pending") == 2

    def test_the_order_of_events_about_one_object_is_a_fact(self) -> None:
        first, second = event("Pulled", uid="a"), event("Created", uid="b")
        assert facts([first, second]).lines != facts([second, first]).lines

    def test_a_wait_is_counted_from_the_deletion_once_it_was_asked_for(self) -> None:
        going = pod(9, "Running")
        going["object"]["metadata"]["deletionTimestamp"] = "2026-11-22T20:38:53Z"
        found = facts([pod(0, "Running"), going, pod(11, "Failed")]).measures
        assert list(found.values()) == [(2.0,)]

    def test_an_address_that_leaves_is_told(self) -> None:
        def endpoints(*ready: str) -> Row:
            subsets = [{"addresses": [{"ip": ip} for ip in ready]}] if ready else []
            metadata = {"name": "app", "uid": "u"}
            return {
                "t": 0,
                "watch": "Endpoints",
                "type": "MODIFIED",
                "object": {"metadata": metadata, "subsets": subsets},
            }

        rows = [endpoints("198.18.0.1"), endpoints("198.18.0.1", "198.18.0.2"), endpoints("198.18.0.2")]
        assert facts(rows).lines == ("Endpoints app address: ready", "Endpoints app address: ready > absent")

    def test_a_refusal_is_compared_whole(self) -> None:
        def answer(reason: str) -> Row:
            body = {"kind": "Status", "status": "Failure", "reason": reason, "message": "no", "code": 403}
            request = {"method": "GET", "path": "/api", "note": ""}
            return {"t": 0, "request": request, "response": {"code": 403, "body": body}}

        assert facts([answer("Forbidden")]).lines != facts([answer("Invalid")]).lines


class TestComparing:
    def test_what_is_missing_and_what_is_extra(self) -> None:
        found = compare("case", Facts(("a", "a", "b"), {}), Facts(("a", "b", "c"), {}))
        assert (found.agreeing, found.total, found.missing, found.extra) == (2, 3, ("a",), ("c",))
        assert not found.agrees

    def test_a_known_difference_is_no_disagreement_in_its_case(self) -> None:
        known = (Known("c", "because", "case"),)
        real, ours = Facts(("a",), {}), Facts(("a", "c"), {})
        assert compare("case", real, ours, known).agrees
        assert compare("case", real, ours, known).known == known
        assert not compare("other", real, ours, known).agrees

    @pytest.mark.parametrize(
        ("there", "here", "agrees"),
        [
            (0.6, 0.0, True),
            (0.6, 2.5, True),
            (0.6, 2.7, False),
            (10.0, 5.0, True),
            (10.0, 4.9, False),
            (10.0, 12.1, False),
        ],
    )
    def test_overhead_may_be_smaller_but_a_period_must_be_kept(self, there: float, here: float, agrees: bool) -> None:
        assert same_time(there, here) is agrees

    @pytest.mark.parametrize(("there", "here", "agrees"), [(1, 2, True), (1, 3, False), (6, 8, True), (6, 9, False)])
    def test_counts_agree_within_one_or_a_third(self, there: float, here: float, agrees: bool) -> None:
        assert same_count(there, here) is agrees

    def test_a_case_that_took_longer_may_count_more(self) -> None:
        real, ours = Facts((), {"count of x": (7,)}, 7.0), Facts((), {"count of x": (10,)}, 8.0)
        assert compare("case", real, ours).agrees
        assert not compare("case", real, Facts((), {"count of x": (10,)}, 7.0)).agrees

    def test_a_disagreement_in_time_is_told(self) -> None:
        found = compare("case", Facts((), {"seconds of x": (10.0,)}), Facts((), {"seconds of x": (1.0,)}))
        assert found.timing == ("seconds of x: [10.0] there, [1.0] here",)
