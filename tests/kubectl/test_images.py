"""A user's own image runs as the container it is."""

from pathlib import Path

import pytest

from cluster.boot import Found, Handle
from cluster.config import IMAGES
from cluster.runtime.loading import load
from seawall import clusters, exits
from seawall.app import app
from tests.kubectl.kubectl import Kubectl
from tests.runtime.archives import docker_archive, folder, member, symlink, tar, userland

PASSWD = b"root:x:0:0::/:/bin/sh\nshop:x:1234:1235::/work:/bin/sh\n"
GROUP = b"root:x:0:\nshop:x:1235:\nmore:x:1300:shop\n"
REPORT = b"#!/bin/sh\nid\npwd\nls\nenv\necho args $*\nexec sleep 600\n"


def test_entrypoint_command_environment_user_folder_and_layers(
    kubectl: Kubectl, handle: Handle, tmp_path: Path
) -> None:
    base = tar(folder("bin"), *userland(), folder("etc"), member("etc/passwd", PASSWD), member("etc/group", GROUP))
    work = tar(folder("work"), member("work/old"), member("work/kept"), symlink("entry", "bin/report"))
    above = tar(member("work/.wh.old"), member("work/new"), member("bin/report", REPORT, mode=0o755))
    config = {"Entrypoint": ["/entry"], "Cmd": ["one", "two"], "Env": ["COLOUR=blue"], "WorkingDir": "/work"}
    path = docker_archive(tmp_path / "shop.tar", base, work, above, names=["acme/shop:1"], **config, User="shop")
    kubectl.ok("run", "early", "--image=acme/shop:1", "--restart=Never")
    out = kubectl.until("Failed to pull", "get", "events", "--field-selector=involvedObject.name=early")
    assert "seawall cluster load-image" in out
    assert load(path, handle.config.state_dir / IMAGES) == ["docker.io/acme/shop:1"]
    kubectl.ok("run", "shop", "--image=acme/shop:1", "--restart=Never")
    assert kubectl.ok("wait", "--for=condition=Ready", "pod/shop", "--timeout=10s") == "pod/shop condition met\n"
    assert "1/1     Running" in kubectl.ok("get", "pod", "shop")
    said = kubectl.until("args", "logs", "shop").splitlines()
    assert said[:4] == ["uid=1234(shop) gid=1235(shop) groups=1235(shop),1300(more)", "/work", "kept", "new"]
    assert {"COLOUR=blue", "HOME=/work"} <= {*said}
    assert said[-1] == "args one two"
    assert kubectl.ok("exec", "shop", "--", "cat", "/etc/passwd") == PASSWD.decode()
    assert kubectl("exec", "shop", "--", "ls", "/usr/bin").code != 0


class TestCommand:
    @pytest.fixture(autouse=True)
    def kept(self, handle: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
        """As if this cluster had been started with `seawall cluster up`."""
        monkeypatch.setattr(clusters, "kept_cluster", lambda: Found(config=handle.config, kept=True))

    def test_loads_and_says_what(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = docker_archive(tmp_path / "x.tar", tar(), names=[])
        assert app(["cluster", "load-image", str(path), "--name", "x:1"], standalone_mode=False) == exits.MET
        assert capsys.readouterr().out == "loaded docker.io/library/x:1\n"

    def test_refuses_and_says_why(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = docker_archive(tmp_path / "x.tar", tar(member("../x")))
        assert app(["cluster", "load-image", str(path)], standalone_mode=False) == exits.WRONG_INPUT
        assert 'x.tar is refused: "../x" would be outside of the image' in capsys.readouterr().err
