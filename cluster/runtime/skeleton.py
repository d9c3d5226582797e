"""The writable part of a stand-in image before anything is written: folders, and the few files of /etc.

All of it is made here. From the host come only names that are public by nature: time zone names, the links of
/etc/alternatives, the root certificates of the web.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from cluster.runtime.images import LOCUST_UID, NOBODY_UID, VENV, Recipe, venv_packages

FOLDERS = (
    *("dev", "etc", "etc/ssl/certs", "home", "media", "mnt", "opt", "proc", "root", "run", "run/lock", "srv", "sys"),
    *("usr", "var", "var/cache", "var/lib", "var/log", "var/run"),
)
WORLD_WRITABLE = ("tmp", "var/tmp")
LINKS_OF_MERGED_USR = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
# Targets of the kubelet's mounts; there already, so that a read-only root file system can have them too.
MOUNT_POINTS = ("etc/hosts", "etc/hostname", "etc/resolv.conf")
PUBLIC_FILES = ("etc/ld.so.cache", "etc/ssl/certs/ca-certificates.crt", "etc/protocols", "etc/services")

USERS = (
    ("root", 0, "/root", "/bin/sh"),
    ("daemon", 1, "/usr/sbin", "/usr/sbin/nologin"),
    ("www-data", 33, "/var/www", "/usr/sbin/nologin"),
    ("nobody", NOBODY_UID, "/nonexistent", "/usr/sbin/nologin"),
)
LOCUST = ("locust", LOCUST_UID, "/home/locust", "/bin/sh")


def accounts(recipe: Recipe) -> tuple[str, str]:
    """The contents of /etc/passwd and /etc/group."""
    users = (*USERS, LOCUST) if recipe.user == "locust" else USERS
    passwd = "".join(f"{name}:x:{uid}:{uid}:{name}:{home}:{shell}\n" for name, uid, home, shell in users)
    groups = [("tty", 5), *((name if uid != NOBODY_UID else "nogroup", uid) for name, uid, _, _ in users)]
    return passwd, "".join(f"{name}:x:{gid}:\n" for name, gid in groups)


def text_files(recipe: Recipe) -> Iterator[tuple[str, str]]:
    passwd, group = accounts(recipe)
    yield "etc/passwd", passwd
    yield "etc/group", group
    yield "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"
    yield "etc/os-release", f'ID=seawall\nNAME="Seawall stand-in for {recipe.name}"\nPRETTY_NAME="Seawall stand-in"\n'
    yield from ((name, "") for name in MOUNT_POINTS)
    if recipe.venv:
        yield f"{VENV[1:]}/pyvenv.cfg", "home = /usr/local/bin\ninclude-system-site-packages = false\n"


def build(root: Path, recipe: Recipe) -> None:
    """Make the tree under `root`. Raises OSError."""
    for name in FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in WORLD_WRITABLE:
        _folder(root / name, 0o1777)
    _folder(root / "root", 0o700)
    for name, text in text_files(recipe):
        _write(root / name, text)
    _copy_public(root)
    _programs(root, recipe)
    _link_userland(root)
    if recipe.home is not None:
        _folder(root / recipe.cwd[1:], 0o755)
        os.chown(root / recipe.cwd[1:], recipe.home, recipe.home)
    if recipe.venv:
        _venv(root)


def local_bin(folder: Path) -> Path:
    """Stands for /usr/local/bin where the system's Python is the one that runs Seawall."""
    folder.mkdir(parents=True)
    for name in ("python", "python3"):
        (folder / name).symlink_to("/usr/bin/python3")
    return folder


def _folder(path: Path, mode: int) -> None:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o644)


def _copy_public(root: Path) -> None:
    for name in PUBLIC_FILES:
        if Path("/", name).is_file():
            shutil.copyfile(f"/{name}", root / name)
    if Path("/etc/alternatives").is_dir():
        shutil.copytree("/etc/alternatives", root / "etc/alternatives", symlinks=True)
    (root / "etc/localtime").symlink_to("/usr/share/zoneinfo/Etc/UTC")


def _programs(root: Path, recipe: Recipe) -> None:
    """A /bin of the image's own: its programs, to be bound over these empty files, and the shell."""
    for name, _ in recipe.programs:
        _write(root / "bin" / name, "")
    if recipe.programs:
        (root / "bin/sh").symlink_to("/usr/bin/sh")


def _link_userland(root: Path) -> None:
    """On a machine with merged /usr, /bin and the like are links; elsewhere they are folders, and /usr must do."""
    for name in LINKS_OF_MERGED_USR:
        if (root / name).exists():
            continue
        if Path("/", name).is_symlink() or Path("/usr", name).is_dir():
            (root / name).symlink_to(f"usr/{name}")


def _venv(root: Path) -> None:
    """A virtual environment whose packages are Seawall's own, with the two commands that people start in it."""
    (root / venv_packages()[1:]).mkdir(parents=True)
    programs = root / VENV[1:] / "bin"
    programs.mkdir()
    name = f"python{sys.version_info.major}"
    for link in ("python", name):
        (programs / link).symlink_to(f"/usr/local/bin/{name}")
    locust = programs / "locust"
    locust.write_text(f"#!{VENV}/bin/python\nimport sys\n\nfrom locust.main import main\n\nsys.exit(main())\n")
    locust.chmod(0o755)
