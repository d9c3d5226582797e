"""The kubelet's pure parts: what is computed from a manifest, without a node."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.client import Obj
from cluster.image_names import image_reference, wrong_reference
from cluster.kubelet import backoff, etcfiles, expansion, podspec, resources
from cluster.kubelet.build import argv
from cluster.kubelet.environment import container_environment, service_variables
from cluster.kubelet.errors import StartRefused
from cluster.kubelet.fields import Place, field, resource
from cluster.kubelet.podspec import Kind
from cluster.kubelet.security import effective
from cluster.runtime.spec import Image
from tests.kubelet.fakes import container, pod

IMAGE = Image(name="demo/app:1", id="sha256:1", entrypoint=("entry",), command=("serve", "all"))
PLACE = Place(
    node_name="node1", host_ip="198.19.255.1", pod_ip="198.18.1.2", allocatable={"cpu": "2", "memory": "924Mi"}
)
GIB = 1024**3


def nothing(_resource: str, _name: str) -> Obj | None:
    return None


class TestExpansion:
    @pytest.mark.parametrize(
        ("text", "expanded"),
        [
            ("$(A)", "one"),
            ("x$(A)y$(A)", "xoneyone"),
            ("$(NOPE)", "$(NOPE)"),
            ("$$(A)", "$(A)"),
            ("$$$(A)", "$one"),
            ("$A ${A} $", "$A ${A} $"),
            ("$(A", "$(A"),
        ],
    )
    def test_only_known_references_in_parentheses_are_replaced(self, text: str, expanded: str) -> None:
        assert expansion.expand(text, {"A": "one"}) == expanded

    @given(st.text(alphabet=st.characters(exclude_characters="$")))
    def test_text_without_dollars_is_left_alone(self, text: str) -> None:
        assert expansion.expand(text, {"A": "one"}) == text

    @given(st.text())
    def test_nothing_escapes_it(self, text: str) -> None:
        assert expansion.expand(text.replace("$", "$$"), {"A": "one"}) == text


class TestEnvironment:
    def test_values_expand_with_those_before_them(self) -> None:
        entries = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)$(C)"}, {"name": "C", "value": "3"}]
        values = container_environment(pod(), container(env=entries), base={}, place=PLACE, lookup=nothing)
        assert values == {"A": "1", "B": "1$(C)", "C": "3"}

    def test_own_variables_hide_bulk_ones_which_hide_the_base(self) -> None:
        def lookup(_resource: str, name: str) -> Obj | None:
            return {"kind": "ConfigMap", "data": {"A": name, "B": name}}

        spec = container(
            envFrom=[{"prefix": "", "configMapRef": {"name": "bulk"}}], env=[{"name": "A", "value": "own"}]
        )
        values = container_environment(pod(), spec, base={"B": "base", "C": "base"}, place=PLACE, lookup=lookup)
        assert values == {"A": "own", "B": "bulk", "C": "base"}

    def test_a_secret_key_is_decoded(self) -> None:
        def lookup(resource_name: str, _name: str) -> Obj | None:
            return {"kind": "Secret", "data": {"password": "czNjcmV0"}} if resource_name == "secrets" else None

        entry = {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}
        values = container_environment(pod(), container(env=[entry]), base={}, place=PLACE, lookup=lookup)
        assert values == {"PASSWORD": "s3cret"}

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ({"configMapKeyRef": {"name": "c", "key": "k"}}, 'configmap "c" not found'),
            ({"secretKeyRef": {"name": "s", "key": "k"}}, 'secret "s" not found'),
            ({"fieldRef": {"fieldPath": "spec.nope"}}, "unsupported fieldPath: spec.nope"),
        ],
    )
    def test_what_is_missing_is_named(self, source: Obj, message: str) -> None:
        with pytest.raises(StartRefused, match=message) as refused:
            container_environment(
                pod(), container(env=[{"name": "A", "valueFrom": source}]), base={}, place=PLACE, lookup=nothing
            )
        assert refused.value.reason == "CreateContainerConfigError"

    def test_what_is_optional_may_be_missing(self) -> None:
        entry = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k", "optional": True}}}
        bulk = [{"secretRef": {"name": "s", "optional": True}}]
        values = container_environment(
            pod(), container(env=[entry], envFrom=bulk), base={}, place=PLACE, lookup=nothing
        )
        assert values == {}

    def test_a_missing_key_is_named_with_its_object(self) -> None:
        entry = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}
        with pytest.raises(StartRefused, match="couldn't find key k in ConfigMap shop/c"):
            container_environment(
                pod(), container(env=[entry]), base={}, place=PLACE, lookup=lambda *_: {"kind": "ConfigMap"}
            )

    def test_services_are_announced_as_recorded(self) -> None:
        services = [service("app", "shop", "198.19.0.184", "http", 80), service("other", "away", "198.19.0.9", "x", 1)]
        assert service_variables(services, "shop", links=True) == {
            "APP_SERVICE_HOST": "198.19.0.184",
            "APP_SERVICE_PORT": "80",
            "APP_SERVICE_PORT_HTTP": "80",
            "APP_PORT": "tcp://198.19.0.184:80",
            "APP_PORT_80_TCP": "tcp://198.19.0.184:80",
            "APP_PORT_80_TCP_PROTO": "tcp",
            "APP_PORT_80_TCP_PORT": "80",
            "APP_PORT_80_TCP_ADDR": "198.19.0.184",
        }

    def test_without_links_only_the_api_is_announced(self) -> None:
        services = [service("app", "shop", "198.19.0.184", "http", 80)]
        services.append(service("kubernetes", "default", "198.19.0.1", "https", 443))
        assert {name.split("_")[0] for name in service_variables(services, "shop", links=False)} == {"KUBERNETES"}

    def test_headless_services_are_not_announced(self) -> None:
        assert service_variables([service("db", "shop", "None", "sql", 5432)], "shop", links=True) == {}


def service(name: str, namespace: str, address: str, port: str, number: int) -> Obj:
    ports = [{"name": port, "port": number, "protocol": "TCP"}]
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": address, "ports": ports}}


class TestFields:
    def test_the_pod_knows_itself(self) -> None:
        paths = ["metadata.name", "metadata.namespace", "spec.nodeName", "status.podIP", "metadata.labels['app']"]
        assert [field(pod(), PLACE, path) for path in paths] == ["web", "shop", "node1", "198.18.1.2", "web"]

    def test_labels_as_a_file_are_quoted_lines(self) -> None:
        manifest = pod()
        manifest["metadata"]["labels"] = {"b": 'say "x"', "a": "1"}
        assert field(manifest, PLACE, "metadata.labels") == 'a="1"\nb="say \\"x\\""'

    @pytest.mark.parametrize(
        ("name", "divisor", "value"),
        [
            ("limits.memory", "1Mi", "64"),
            ("limits.memory", "", "67108864"),
            ("requests.cpu", "1m", "50"),
            ("requests.cpu", "1", "1"),
            ("limits.cpu", "1", "2"),
        ],
    )
    def test_resources_come_in_units_of_their_divisor(self, name: str, divisor: str, value: str) -> None:
        spec = container(resources={"limits": {"memory": "64Mi"}, "requests": {"cpu": "50m"}})
        assert resource(pod(), PLACE, {"resource": name, "divisor": divisor}, spec) == value


class TestSecurity:
    def test_the_container_overrides_the_pod_which_overrides_the_image(self) -> None:
        manifest = pod(
            securityContext={"runAsUser": 1000, "runAsGroup": 2000, "fsGroup": 3000, "supplementalGroups": [4]}
        )
        own = effective(manifest, container(securityContext={"runAsUser": 7}), IMAGE)
        assert (own.uid, own.gid, own.supplemental_gids) == (7, 2000, (2000, 4, 3000))
        assert effective(manifest, container(), IMAGE).uid == 1000
        assert effective(pod(), container(), Image(name="x", id="y", user="1000:50")).uid == 1000

    def test_every_restriction_reaches_the_runtime(self) -> None:
        context = {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        own = effective(pod(), container(securityContext=context), IMAGE)
        assert own.read_only_root
        assert own.no_new_privileges
        assert own.drop_capabilities == ("ALL",)
        assert own.add_capabilities == ("NET_BIND_SERVICE",)
        assert own.seccomp == "RuntimeDefault"

    def test_nothing_is_restricted_unasked(self) -> None:
        own = effective(pod(), container(), IMAGE)
        assert (own.uid, own.read_only_root, own.no_new_privileges, own.seccomp) == (0, False, False, "Unconfined")

    @pytest.mark.parametrize(
        ("context", "user", "message"),
        [
            ({}, "", "container has runAsNonRoot and image will run as root"),
            ({}, "0", "container has runAsNonRoot and image will run as root"),
            ({}, "nobody", "image has non-numeric user (nobody), cannot verify user is non-root"),
            ({"runAsUser": 0}, "1000", "container's runAsUser breaks non-root policy"),
        ],
    )
    def test_non_root_is_demanded_in_the_recorded_words(self, context: Obj, user: str, message: str) -> None:
        manifest = pod(securityContext={"runAsNonRoot": True})
        with pytest.raises(StartRefused) as refused:
            effective(manifest, container(securityContext=context), Image(name="x", id="y", user=user))
        assert message in str(refused.value)
        assert '(pod: "web_shop(uid-of-web)", container: app)' in str(refused.value)
        assert refused.value.reason == "CreateContainerConfigError"

    def test_a_non_root_user_passes(self) -> None:
        manifest = pod(securityContext={"runAsNonRoot": True, "runAsUser": 1000})
        assert effective(manifest, container(), IMAGE).uid == 1000


class TestResources:
    @pytest.mark.parametrize(("millicores", "shares"), [(0, 2), (1, 2), (50, 51), (1000, 1024), (10**6, 262144)])
    def test_cpu_shares_follow_the_request(self, millicores: int, shares: int) -> None:
        assert resources.shares(millicores) == shares

    @pytest.mark.parametrize(
        ("quality", "requested", "score"),
        [
            ("Guaranteed", "1Gi", -997),
            ("BestEffort", None, 1000),
            ("Burstable", None, 999),
            ("Burstable", "256Mi", 750),
            ("Burstable", "1Gi", 3),
        ],
    )
    def test_the_kernel_kills_in_the_order_of_quality(self, quality: str, requested: str | None, score: int) -> None:
        manifest = pod()
        manifest["status"]["qosClass"] = quality
        spec = container(resources={"requests": {"memory": requested}} if requested else {})
        assert resources.oom_score(manifest, spec, GIB) == score

    def test_a_pod_is_limited_only_where_all_its_containers_are(self) -> None:
        limited = container(resources={"limits": {"memory": "64Mi", "cpu": "1"}})
        free = container("free", resources={"limits": {"memory": "32Mi"}})
        found = resources.pod_limits(pod(limited, free))
        assert (found.memory_bytes, found.cpu_millis) == (96 * 2**20, None)

    def test_init_containers_count_at_their_peak_and_sidecars_always(self) -> None:
        def asks(name: str, cpu: str, **extra: str) -> Obj:
            return container(name, resources={"requests": {"cpu": cpu}}, **extra)

        side = asks("side", "100m", restartPolicy="Always")
        manifest = pod(asks("app", "200m"), initContainers=[side, asks("init", "500m")])
        assert resources.total(manifest, "requests", "cpu") == 600


class TestBackOff:
    def test_it_doubles_up_to_five_minutes(self) -> None:
        waits, memory, now = [], None, 0.0
        for _ in range(9):
            waits.append(backoff.left(memory, now, now))
            now += waits[-1]
            memory = backoff.after_restart(memory, now - waits[-1], now)
            now += 1
        assert waits == [0, 10, 20, 40, 80, 160, 300, 300, 300]

    def test_a_container_that_ran_for_long_starts_afresh(self) -> None:
        memory = backoff.after_restart(backoff.BackOff(10, 0), 1, 11)
        assert backoff.left(memory, 11 + 601, 11 + 601) == 0
        assert backoff.after_restart(memory, 11 + 601, 11 + 601) == backoff.BackOff(10, 11 + 601)

    def test_an_end_that_the_kubelet_has_not_seen_does_not_count(self) -> None:
        assert backoff.left(backoff.BackOff(10, 0), None, 1) == 0
        assert backoff.after_restart(None, None, 1) is None

    def test_the_kubelet_comes_back_up_to_half_as_late_again(self) -> None:
        assert [backoff.jittered(10, chance) for chance in (0, 0.5, 1)] == [10, 12.5, 15]

    @pytest.mark.parametrize(("seconds", "text"), [(10, "10s"), (80, "1m20s"), (300, "5m0s")])
    def test_durations_are_spelled_as_go_does(self, seconds: float, text: str) -> None:
        assert backoff.spelled(seconds) == text


class TestNames:
    @pytest.mark.parametrize(
        ("image", "reference"),
        [
            ("busybox", "docker.io/library/busybox:latest"),
            ("python:3.12-slim", "docker.io/library/python:3.12-slim"),
            ("demo/app:1", "docker.io/demo/app:1"),
            ("localhost/app:1", "localhost/app:1"),
            ("registry:5000/app", "registry:5000/app:latest"),
            ("quay.io/x/y@sha256:abc", "quay.io/x/y@sha256:abc"),
            ("python:3.12-slim@sha256:abc", "docker.io/library/python@sha256:abc"),
            ("registry:5000/app:1@sha256:abc", "registry:5000/app@sha256:abc"),
        ],
    )
    def test_references_are_complete(self, image: str, reference: str) -> None:
        assert image_reference(image) == reference

    def test_a_hostname_fits_into_the_kernel(self) -> None:
        assert podspec.hostname(pod(name="a" * 62 + "-b")) == "a" * 62


class TestRestartPolicy:
    @pytest.mark.parametrize(
        ("policy", "kind", "code", "again"),
        [
            ("Always", Kind.MAIN, 0, True),
            ("OnFailure", Kind.MAIN, 0, False),
            ("OnFailure", Kind.MAIN, 1, True),
            ("Never", Kind.MAIN, 1, False),
            ("Always", Kind.INIT, 0, False),
            ("Always", Kind.INIT, 1, True),
            ("Never", Kind.INIT, 1, False),
            ("Never", Kind.SIDECAR, 0, True),
        ],
    )
    def test_who_is_started_again(self, policy: str, kind: Kind, code: int, again: bool) -> None:
        assert podspec.should_restart(policy, kind, code) is again


class TestCommandLine:
    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({}, ("entry", "serve", "all")),
            ({"args": ["one"]}, ("entry", "one")),
            ({"command": ["run"]}, ("run",)),
            ({"command": ["run"], "args": ["$(A)"]}, ("run", "1")),
        ],
    )
    def test_command_and_args_replace_the_images(self, fields: Obj, words: tuple[str, ...]) -> None:
        assert argv(container(**fields), IMAGE, {"A": "1"}) == words

    def test_no_command_at_all_is_refused(self) -> None:
        with pytest.raises(StartRefused, match="no command specified"):
            argv(container(), Image(name="x", id="y"), {})


class TestEtcFiles:
    def test_cluster_first_asks_the_clusters_dns(self) -> None:
        assert etcfiles.resolv_conf(pod()) == (
            "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 198.19.0.10\noptions ndots:5\n"
        )

    def test_in_the_nodes_network_it_does_not_unless_it_is_asked_to(self) -> None:
        shared = pod(hostNetwork=True, nodeName="node1")
        assert etcfiles.resolv_conf(shared) == ""
        assert "nameserver" in etcfiles.resolv_conf(pod(hostNetwork=True, dnsPolicy="ClusterFirstWithHostNet"))

    def test_in_the_nodes_network_hosts_knows_the_node(self) -> None:
        text = etcfiles.hosts(pod(hostNetwork=True, nodeName="node1", hostname="x", subdomain="db"), "198.19.255.1")
        assert text.startswith("# Kubernetes-managed hosts file (host network).\n")
        assert text.endswith("198.19.255.1\tnode1\n")

    def test_dns_config_adds_and_overrides(self) -> None:
        config = {"nameservers": ["198.18.9.9"], "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]}
        text = etcfiles.resolv_conf(pod(dnsConfig=config))
        assert "nameserver 198.18.9.9\n" in text
        assert text.endswith("options ndots:2 edns0\n")

    def test_dns_policy_none_is_dns_config_alone(self) -> None:
        assert (
            etcfiles.resolv_conf(pod(dnsPolicy="None", dnsConfig={"nameservers": ["1.1.1.1"]}))
            == "nameserver 1.1.1.1\n"
        )

    def test_hosts_knows_the_pod_by_its_names(self) -> None:
        text = etcfiles.hosts(
            pod(subdomain="db", hostAliases=[{"ip": "1.2.3.4", "hostnames": ["x", "y"]}]), "198.18.1.2"
        )
        assert "198.18.1.2\tweb.db.shop.svc.cluster.local\tweb\n" in text
        assert text.endswith("# Entries added by HostAliases.\n1.2.3.4\tx\ty\n")


@pytest.mark.parametrize(
    ("image", "wrong"),
    [
        ("busybox", ""),
        ("python:3.12-slim", ""),
        ("registry.example.com:5000/team/app:v1.2", ""),
        ("localhost/app", ""),
        ("docker.io/library/python@sha256:" + "a" * 64, ""),
        ("registry.example.com:5000/team/app@sha256:" + "0" * 64, ""),
        ("Demo/App:1", "invalid reference format: repository name (App) must be lowercase"),
        ("Bad/Image:UPPER:x", "invalid reference format: repository name (Image) must be lowercase"),
        ("BusyBox", "invalid reference format: repository name (BusyBox) must be lowercase"),
        ("busybox:", "invalid reference format"),
        ("busybox:a:b", "invalid reference format"),
        ("two words", "invalid reference format"),
        ("-busybox", "invalid reference format"),
        ("a" * 64, f"invalid repository name ({'a' * 64}), cannot specify 64-byte hexadecimal strings"),
    ],
)
def test_image_names_that_are_none_are_told_as_the_kubelet_tells_them(image: str, wrong: str) -> None:
    assert wrong_reference(image) == wrong


def test_a_path_may_not_hang_on_a_variable_that_is_not_there() -> None:
    assert list(expansion.references("$(A)/b/$$(C)")) == ["A"]
