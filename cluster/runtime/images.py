"""The stand-in images: names that workloads use, each backed by the userland of this very machine.

An image is a skeleton of files made by us (see `skeleton`) with the host's /usr bound over it read-only. Nothing
else of the host is in it. Its entrypoint, command, environment and user are those of the public image of that name,
so that a manifest behaves the same on a real cluster.
"""

import hashlib
import re
import shutil
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster.image_names import digest_of
from cluster.runtime.spec import SANDBOX_IMAGE, Image, ImageMissing, Mount

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
VENV = "/opt/venv"
LOCUST_UID = 1000
NOBODY_UID = 65534
STAND_IN = "stand-in.seawall.dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One stand-in. `needs` and `programs` are what the host must have; without them the image does not exist."""

    name: str
    needs: tuple[str, ...] = ()
    programs: tuple[tuple[str, str], ...] = ()
    """What lies in the image's own /bin, and what it is called on the host: there /bin is no link to /usr/bin."""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    path: str = SYSTEM_PATH
    cwd: str = "/"
    user: str = ""
    home: int | None = None
    """Who owns `cwd`, where the image has a folder of its own there."""
    python: bool = False
    """Brings Seawall's Python as /usr/local."""
    venv: bool = False
    """Brings Seawall's installed packages as /opt/venv."""


RECIPES = (
    Recipe(name="alpine", command=("/bin/sh",)),
    Recipe(name="busybox", command=("sh",)),
    Recipe(name="debian", command=("bash",), needs=("bash",)),
    Recipe(name="ubuntu", command=("/bin/bash",), needs=("bash",)),
    Recipe(name="python", command=("python3",), path=f"/usr/local/bin:{SYSTEM_PATH}", python=True),
    Recipe(
        name="locustio/locust",
        entrypoint=("locust",),
        environment=(("PYTHONUNBUFFERED", "1"),),
        path=f"{VENV}/bin:/usr/local/bin:{SYSTEM_PATH}",
        cwd="/home/locust",
        user="locust",
        home=LOCUST_UID,
        python=True,
        venv=True,
    ),
    Recipe(
        name="prom/prometheus",
        programs=(("prometheus", "prometheus"), ("promtool", "promtool")),
        entrypoint=("/bin/prometheus",),
        command=("--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"),
        cwd="/prometheus",
        user="nobody",
        home=NOBODY_UID,
    ),
    Recipe(
        name="prom/alertmanager",
        programs=(("alertmanager", "prometheus-alertmanager"), ("amtool", "amtool")),
        entrypoint=("/bin/alertmanager",),
        command=("--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"),
        cwd="/alertmanager",
        user="nobody",
        home=NOBODY_UID,
    ),
    Recipe(name="nginx", needs=("nginx",), command=("nginx", "-g", "daemon off;")),
)

# The kernel buries the children of whoever ignores their end, and to ignore a signal outlives exec: so `sleep`, which
# costs next to nothing, is a PID 1 that leaves no zombies.
_WAIT = "import os, signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execvp('sleep', ['sleep', 'infinity'])"
SANDBOX = Recipe(
    name=SANDBOX_IMAGE, entrypoint=("python3", "-c", _WAIT), path=f"/usr/local/bin:{SYSTEM_PATH}", python=True
)

ALIASES = {"locust": "locustio/locust", "prometheus": "prom/prometheus", "alertmanager": "prom/alertmanager"}


def on_host(program: str) -> str | None:
    """Where a program lies: among Seawall's own, as setup.sh unpacks them, or wherever the machine has it."""
    return shutil.which(program, path=f"{sys.prefix}/bin:{SYSTEM_PATH}")


def available(which: Callable[[str], str | None] = on_host) -> dict[str, Recipe]:
    """By name, those whose programs this machine has."""
    return {recipe.name: recipe for recipe in RECIPES if all(map(which, programs_of(recipe)))}


def programs_of(recipe: Recipe) -> tuple[str, ...]:
    """All that the host must have for it."""
    return (*recipe.needs, *(program for _, program in recipe.programs))


def repository(reference: str) -> str:
    """Without the default registry, tag and digest: "python" for "docker.io/library/python:3"."""
    bare = re.sub(r"(:[\w.-]+)?(@[\w:.+-]+)?$", "", reference)
    return re.sub(r"^((registry-1\.|index\.)?docker\.io/)?(library/)?", "", bare)


def find(reference: str, recipes: dict[str, Recipe]) -> Recipe:
    """Raises `ImageMissing`."""
    name = repository(reference)
    recipe = SANDBOX if reference == SANDBOX_IMAGE else recipes.get(ALIASES.get(name, name))
    if recipe is None:
        raise ImageMissing(
            f'no image "{reference}" here: this cluster pulls from no registry. Stand-ins made of this machine\'s own '
            f"programs exist for {', '.join(sorted(recipes))} (any tag); use one of them, "
            "load yours from an archive with `seawall cluster load-image FILE`, "
            f"or take a cluster that pulls, with --context{_missing(ALIASES.get(name, name))}"
        )
    return recipe


def _missing(name: str) -> str:
    """What a known stand-in lacks on this machine."""
    needed = next((programs_of(recipe) for recipe in RECIPES if recipe.name == name), ())
    absent = ", ".join(program for program in needed if not on_host(program))
    return f". For {name} this machine lacks {absent}: `./setup.sh prometheus` brings Prometheus" if absent else ""


def image(reference: str, recipe: Recipe) -> Image:
    environment = (("PATH", recipe.path), *recipe.environment, *(python_environment() if recipe.python else ()))
    digest = hashlib.sha256(repr((recipe, environment, sys.version)).encode()).hexdigest()
    return Image(
        name=reference,
        id=f"sha256:{digest}",
        digest=_stood_in_for(reference),
        entrypoint=recipe.entrypoint,
        command=recipe.command,
        env=environment,
        cwd=recipe.cwd,
        user=recipe.user,
    )


def _stood_in_for(reference: str) -> str:
    """A stand-in has no bytes of a registry's; asked for by a digest, it repeats that and says that it stands in."""
    return f"{STAND_IN}/{repository(reference)}@{digest_of(reference)}" if digest_of(reference) else ""


def python_environment() -> tuple[tuple[str, str], ...]:
    version = (("LANG", "C.UTF-8"), ("PYTHON_VERSION", sys.version.split()[0]))
    # A Python with a shared library looks for it where it was built, which is not where the container has it.
    shared = sysconfig.get_config_var("Py_ENABLE_SHARED") and sys.base_prefix != "/usr"
    return (*version, ("LD_LIBRARY_PATH", "/usr/local/lib")) if shared else version


def mounts(recipe: Recipe, local_bin: Path) -> tuple[Mount, ...]:
    """What of the host the image shows. `local_bin` is a folder of ours with the name `python` in it."""
    binds = [("/usr", Path("/usr"))]
    programs = [(there, Path(found)) for there, here in recipe.programs if (found := on_host(here))]
    binds += [(f"/bin/{there}", found) for there, found in programs]
    # What setup.sh unpacked looks for its own data where Debian would have installed them.
    shares = {found.parent.parent / "share" for _, found in programs} - {Path("/usr/share")}
    binds += [("/usr/share", share) for share in shares if share.is_dir()]
    if recipe.python and sys.base_prefix == "/usr":
        binds.append(("/usr/local/bin", local_bin))
    elif recipe.python and sys.base_prefix != "/usr/local":
        binds.append(("/usr/local", Path(sys.base_prefix)))
    if recipe.venv:
        binds.append((venv_packages(), Path(sysconfig.get_path("purelib"))))
    return tuple(Mount(destination=there, source=here, read_only=True) for there, here in binds)


def venv_packages() -> str:
    return f"{VENV}/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
