"""Texts without what differs from run to run and from cluster to cluster: names, addresses, hashes, times, ages."""

import re
from typing import Any

# What Kubernetes makes random names of: no vowels, nothing that looks like something else.
SAFE = "bcdfghjklmnpqrstvwxz2456789"
IMAGE = "python:3.12-slim"
RECORDED_IMAGE = "demo/app:1"

REPLACED = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (rf"(?:library/)?{re.escape(IMAGE)}", RECORDED_IMAGE),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uid>"),
        (r"\b\w+://[0-9a-f]{64}\b", "<cid>"),
        (r"\bsha256:[0-9a-f]{64}\b|[\w./-]+@sha256:[0-9a-f]{64}\b", "<digest>"),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}\b(?!/\d)", "<ip>"),
        (rf"\b([a-z][a-z0-9-]*?)-[{SAFE}]{{7,10}}-[{SAFE}]{{5}}(?![a-z0-9])", r"\1-<hash>-<id>"),
        (rf"\b(app|d|db|j|ok|deploy|sts|ds|twin)-[{SAFE}]{{7,10}}\b", r"\1-<hash>"),
        (rf"\b(x{{58}}|Bad_)[{SAFE}]{{5}}\b", r"\1<id>"),
        (rf"\b(node-debugger-node\d)-[{SAFE}]{{5}}", r"\1-<id>"),
        (rf"([a-z0-9])-[{SAFE}]{{5}}(?![\w.-])", r"\1-<id>"),
        (rf'((?:pod-template|controller-revision)-hash[=:] *"?)[{SAFE}]{{7,10}}\b', r"\1<hash>"),
        # The minute that a CronJob's Job is for.
        (r"(?<=[a-z]-)2[89]\d{6}\b", "<minute>"),
        # What a pod has of its node: where that is.
        (r",?topology\.kubernetes\.io/(?:zone|region)[=:] *[\w-]+", ""),
        (r"\b3[0-2]\d{3}/TCP", "<port>/TCP"),
        (r"\b[0-9a-f]{64}\b", "<cid>"),
        (r"\b0xc[0-9a-f]{9}\b", "<pointer>"),
        (r"\bnode-?\d\b", "<node>"),
        (r"\.\.\d{4}(?:_\d\d){5}\.\d+", "..<time>"),
        (r"\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d\b", "<time>"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", "<time>"),
        (r"\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+\d{4}", "<time>"),
        (r"(ResourceVersion in record \()\d+", r"\1<n>"),
        (r"(Resource Version: +)\d+", r"\1<n>"),
        (r"([?&]resourceVersion=|current: )\d{2,7}\b", r"\1<n>"),
        (r"([?&]continue=)[\w%=-]{20,}", r"\1<token>"),
        (r"\b[EW]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ ", "<log> "),
        (r"\b(LIVE|MERGED)-\d+", r"\1-<n>"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \+0000(?: UTC)?", "<time>"),
        (r"(nodePort: )3[0-2]\d{3}\b", r"\1<port>"),
        (r"(control plane is running at )https://\S+", r"\1<server>"),
        (r'(resourceVersion: *"?|generation: )\d+', r"\1<n>"),
        # Not the settings of a probe, a toleration or a back-off.
        (r"<invalid>|(?<![=\w.])(?<!for )(?<!back-off )(?<!after )(?:\d+h)?(?:\d+m)?\d+s\b", "<age>"),
        (r" \(x\d+ over <age>\)", ""),
        (r"(available:|using|Threshold quantity:) \d+[KM]i", r"\1 <n>"),
        (r"https://\S+:\d+\b(?=/api)", "<server>"),
    )
)


def normal(text: str) -> str:
    for pattern, replacement in REPLACED:
        text = pattern.sub(replacement, text)
    return text


def squeezed(line: str) -> str:
    """Columns and indentation are as wide as the names in them."""
    return " ".join(normal(line).split())


def of(value: Any) -> str:
    return normal(str(value))
