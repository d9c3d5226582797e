"""Formats of texts that expressions read as something else: lengths of time, bytes, days."""

from cluster.api.custom.cel.problems import EvaluationError
from cluster.api.custom.cel.shape import shape_of


def fits_format(text: str, format: str) -> bool:
    shape = shape_of({"type": "string", "format": format}, "")
    try:
        return shape is not None and shape.read(text) is not None
    except EvaluationError:
        return False
