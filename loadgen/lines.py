"""Samples as lines of a log, and back: the one format that crosses from the load pod to the engine."""

import json
from collections.abc import Iterable, Iterator

from loadgen.samples import PREFIX, Sample


def to_line(sample: Sample) -> str:
    return PREFIX + json.dumps(sample.to_json(), separators=(",", ":")) + "\n"


def from_line(line: str) -> Sample | None:
    """None for any other line, and for a sample cut short by a kill: a second that is missing shows as missing."""
    _, prefix, data = line.partition(PREFIX)
    if not prefix:
        return None
    try:
        return Sample.from_json(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def read(lines: Iterable[str]) -> Iterator[Sample]:
    """The samples among the lines of a load pod's log, in order."""
    return (sample for line in lines if (sample := from_line(line)))
