"""Writes workloads/shop-source.yaml, the ConfigMap with the apps' source, from apps/. Run it after changing an app.

`python scenarios/bundle.py`
"""

from pathlib import Path

import yaml

HERE = Path(__file__).parent
TARGET = HERE / "workloads" / "shop-source.yaml"
HEADER = "# Made from scenarios/apps by scenarios/bundle.py; change it there.\n"


class _Readable(yaml.SafeDumper):
    """Source code as a block of lines."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _block)


def bundle() -> str:
    """The manifest's text."""
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "shop-source", "labels": {"app.kubernetes.io/part-of": "shop"}},
        "data": {file.name: file.read_text() for file in sorted((HERE / "apps").glob("*.py"))},
    }
    return HEADER + yaml.dump(config_map, Dumper=_Readable, sort_keys=False, allow_unicode=True)


if __name__ == "__main__":
    TARGET.write_text(bundle())
