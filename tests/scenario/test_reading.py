"""Every error of a scenario at once, each with its place and the nearest right word, before anything is touched."""

import os

import jsonschema
import pytest
import yaml

from chaos.scenario import Scenario, json_schema
from loadgen.units import Duration
from tests.scenario.files import SCENARIO, SHOP, Folder


def test_a_good_scenario_is_read(folder: Folder) -> None:
    scenario = folder.read()
    assert scenario.fault_name == "deadlock"
    assert scenario.fault_params == {"pods": 1}
    assert scenario.expect["defended"].verdicts == {"health-checks": "held"}
    assert scenario.expect["defended"].recover == Duration(15)
    assert scenario.deadline == Duration(60)
    assert scenario.manifest_paths == [folder.shop]


def test_what_is_read_survives_a_recording(folder: Folder) -> None:
    """The recording holds the scenario as JSON; the judge reads it from there."""
    scenario = folder.read()
    assert Scenario.model_validate(scenario.model_dump(mode="json")).model_dump() == scenario.model_dump()


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("title:", "titel:", "3:1: unknown key 'titel'; did you mean 'title'?"),
        ("target:", "tarket:", "8:3: unknown key 'tarket'; did you mean 'target'?"),
        ("p95:", "p955:", "15:40: unknown key 'p955'; did you mean 'p95'?"),
        ("{strip:", "{stripp:", "21:16: unknown key 'stripp'; did you mean 'strip'?"),
        ("fault: 25s", "fault: 25", "16:24: phases.fault: 25 has no unit; write it as text such as '8s'"),
        ("fault: 25s", "fault: soon", "16:24: phases.fault: 'soon' is not a duration"),
        ("arrivals: 40/s", "arrivals: 40", "13:3: load.arrivals: 40 has no unit; write it as text such as '40/s'"),
        ("arrivals: 40/s", "users: 0", "13:3: load.users: input should be greater than or equal to 1"),
        ("arrivals: 40/s", "workers: 1", "10:1: load: give either arrivals:"),
        ("arrivals: 40/s", "arrivals: 4/s\n  users: 3", "10:1: load: give either arrivals:"),
        ('">= 99%"', '"<= 99%"', "15:16: steady_state.availability: '<= 99%' is not a bound of this kind"),
        ('">= 99%"', '">= 101%"', "15:16: steady_state.availability: '101%' is not a share"),
        ("pattern: lying", "pattern: lieing", "2:1: pattern: 'lieing-health-checks' is not one of"),
        ("deadlock: {pods: 1}", "dead-lock: {pods: 1}", "18:3: unknown fault 'dead-lock'; did you mean 'deadlock'?"),
        ("{pods: 1}", "{pod: 1}", "18:14: fault deadlock has no parameter 'pod'; did you mean 'pods'?"),
        ("{pods: 1}", "{pods: none}", "18:14: fault deadlock, pods: Input should be a valid integer"),
        ("deadlock: {pods: 1}", "memory-leak: {}", "19:12: fault memory-leak does not put health-checks to the test"),
        ("defenses: [health", "defenses: [heath", "19:12: unknown defense 'heath-checks'; did you mean 'health"),
        ("defenses: [", "defenses: [replicas, ", "19:12: fault deadlock does not put replicas to the test"),
        ("strip: [health-checks]", "strip: [security.netpol]", "21:24: unknown defense 'security.netpol' to strip"),
        ("  defended: {health", "  defendet: {health", "25:3: expects something of variant 'defendet', which"),
        ("health-checks: held", "resources: held", "25:14: expects something of 'resources', which is not put to the"),
        ("health-checks: held", "health-checks: fine", "25:14: expect.defended.health-checks: 'fine' is not one of"),
        ('detect: "<= 10s"', 'detect: "10s"', "25:35: expect.defended.detect: '10s' is not a bound of this kind"),
        ('recover: "<= 15s"', 'recover: "<= 25s"', "25:53: recover within 25 s cannot be seen in a fault phase"),
        ("target: deployment/storefront", "target: deployment/storefornt",
         "8:3: no manifest defines workload 'deployment/storefornt'; did you mean 'deployment/storefront'?"),
        ("deployment/newsletter", "deployment/news", "9:16: no manifest defines workload 'deployment/news'"),
        ("deployment/newsletter", "deployment/storefront", "9:16: deployment/storefront is the target"),
        ("service: storefront", "service: shopfront", "11:3: no manifest defines Service 'shopfront'"),
        ("locustfile: browse.py", "locustfile: brwose.py", "12:3: locustfile brwose.py: does not exist"),
        ("[workloads/shop.yaml]", "[workloads/shop.yml]", "7:15: manifest workloads/shop.yml: does not exist"),
        ("[workloads/shop.yaml]", "[workloads]", "7:15: manifest workloads: is not a file"),
        ("[workloads/shop.yaml]", "[]", "7:3: workload.manifests: list should have at least 1 item"),
        ("title: The", "seed: 1\nseed: 2\ntitle: The", "4:1: key 'seed' is given twice, first in line 3"),
        ("title: The", "monitoring: {logs: 'stor:80/find?q={words}'}\ntitle: The",
         "3:14: no manifest defines Service 'stor'"),
        ("title: The", "monitoring: {logs: 'storefront:80/find'}\ntitle: The", "3:14: monitoring.logs: "),
        ("title: The", "monitoring: {alert: Errors}\ntitle: The", "3:14: no manifest defines alert 'Errors'"),
        ("title: The", "monitoring: {prometheus: 'storefront:80'}\ntitle: The", "3:1: monitoring: prometheus:, alert"),
        ("title: The", "isolation: pod\ntitle: The", "3:1: isolation: 'pod' is not one of"),
        ("scenario: lying", "scenario: Lying", "1:1: scenario: 'Lying-health-checks' is not written as it must be"),
        ("lesson: |\n  Running is not serving.\n", "", "lesson is missing"),
        ("title: The", "title: [The", "is not valid YAML"),
        ("defended: {}", "defended:", "22:3: variants.defended: input should be"),
    ],
)  # fmt: skip
def test_an_error_names_its_place_and_the_right_word(folder: Folder, old: str, new: str, error: str) -> None:
    found = folder.change(old, new).errors()
    assert any(error in e for e in found), found
    if ":" in error.partition(" ")[0]:
        assert any(e.startswith(error) for e in found), found


def test_all_errors_come_at_once(folder: Folder) -> None:
    """Wrong types, names, files and manifests together: none hides another."""
    folder.change("title:", "titel:").change("fault: 25s", "fault: 25").change("deadlock:", "deadlok:")
    folder.change("service: storefront", "service: store").change("strip: [health-checks]", "strip: [helth-checks]")
    folder.change("  defended: {health", "  defnded: {health").change("browse.py", "no.py")
    folder.shop.write_text(SHOP + "---\nkind: Deployment\nmetadata: {name: x}\n---\n- 1\n")
    found = folder.errors()
    for word in [
        "titel",
        "25 has no unit",
        "deadlok",
        "helth-checks",
        "defnded",
        "no.py",
        "no apiVersion",
        "no mapping",
    ]:
        assert any(word in e for e in found), (word, found)


class TestManifests:
    """Errors of the workload's files are told with those files' lines."""

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("a: [", "workloads/shop.yaml:2:1: is not valid YAML"),
            ("a: b\n c: d\n", "workloads/shop.yaml:2:"),
            (SHOP + "---\n" + SHOP.partition("---")[0], "deployment/storefront is defined twice, first at"),
            (SHOP + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n", "belongs to no namespace"),
            (SHOP.replace("{name: storefront}", "{name: storefront, namespace: a}").replace(
                "{name: newsletter}", "{name: newsletter, namespace: b}"), "a scenario's workload has one namespace"),
            (SHOP.replace("{name: newsletter}", "{generateName: news}"), "shop.yaml:8:1: object has no metadata"),
        ],
    )  # fmt: skip
    def test_told(self, folder: Folder, text: str, error: str) -> None:
        folder.shop.write_text(text)
        assert any(error in e for e in folder.errors()), folder.errors()

    def test_a_locustfile_that_is_no_python(self, folder: Folder) -> None:
        (folder.path / "browse.py").write_text("import locust\ndef (:\n")
        assert folder.errors()[0].startswith("browse.py:2: is not valid Python")


class TestFiles:
    """Files that no reader should choke on."""

    @pytest.mark.parametrize(
        ("content", "error"),
        [
            (b"", "is empty"),
            (b"# nothing\n", "is empty"),
            (b"- a\n", "its first level must be keys"),
            (b"a: 1\n---\nb: 2\n", "a scenario file holds one scenario"),
            (b"title: \xff\xfe\n", "is not UTF-8"),
            (b"a: &a [*a]\n", "stands inside what it repeats"),
            (b"a: *b\n", "has no anchor"),
            (b"[" * 5000, "nested deeper than 100"),
            (b"a: \x00\n", "is not valid YAML"),
            (b"? [a]\n: b\n", "a key must be text"),
            (b"x: " + b"y" * 2**20, "at most 1048576 are read"),
        ],
    )
    def test_refused(self, folder: Folder, content: bytes, error: str) -> None:
        folder.file.write_bytes(content)
        assert any(error in e for e in folder.errors()), folder.errors()

    def test_an_alias_bomb_is_refused_before_it_grows(self, folder: Folder) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
        folder.file.write_text("\n".join(lines))
        assert "more than 1000000 values once its aliases are expanded" in folder.errors()[0]

    def test_a_missing_file(self, folder: Folder) -> None:
        folder.file.unlink()
        assert "does not exist" in folder.errors()[0]

    def test_a_pipe_is_not_waited_for(self, folder: Folder) -> None:
        folder.shop.unlink()
        os.mkfifo(folder.shop)
        assert any("is not a file" in e for e in folder.errors())


def test_the_schema_takes_what_the_reader_takes() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(SCENARIO), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(SCENARIO.replace("25s", "soon")), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(SCENARIO.replace("title:", "titel:")), schema)
