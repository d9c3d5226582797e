"""Quantities are exact and written back as the API server writes them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.quantity import canonical, format_quantity, millis, parse_quantity, to_bytes

quantities = st.from_regex(
    r"-?(\d{1,9}(\.\d{0,4})?|\.\d{1,4})(Ki|Mi|Gi|Ti|[numkMGT]|e[+-]?[0-6])?", fullmatch=True
).filter(str.isascii)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.5", "500m"),
        ("1000m", "1"),
        ("1.5Gi", "1536Mi"),
        ("1024Mi", "1Gi"),
        ("1000Mi", "1000Mi"),
        ("1023", "1023"),
        ("1Ki", "1Ki"),
        ("0.5Ki", "512"),
        ("1.25Ki", "1280"),
        ("1000", "1k"),
        ("1e3", "1e3"),
        ("12E3", "12e3"),
        ("1500e3", "1500e3"),
        ("1E", "1E"),
        ("0Mi", "0"),
        ("-1.5", "-1500m"),
        ("0.1n", "1n"),
        (2, "2"),
        (0.1, "100m"),
    ],
)
def test_canonical_form(text: str | float, expected: str) -> None:
    assert canonical(text) == expected


@pytest.mark.parametrize("text", ["", "Mi", "1ki", "1 Gi", "one", "1.2.3", "--1", "1KiB", "1e", "٣", "1" * 101])
def test_nonsense_is_refused_in_kubernetes_words(text: str) -> None:
    with pytest.raises(ValueError, match="quantities must match the regular expression"):
        parse_quantity(text)


@given(quantities)
def test_the_canonical_form_means_the_same_and_is_stable(text: str) -> None:
    assert parse_quantity(canonical(text)) == parse_quantity(text)
    assert canonical(canonical(text)) == canonical(text)


def test_cpu_and_memory_round_up() -> None:
    assert millis("0.1") == 100
    assert millis("1u") == 1
    assert to_bytes("64Mi") == 64 * 1024 * 1024
    assert to_bytes("1500m") == 2


def test_sums_keep_the_family_of_suffixes() -> None:
    assert format_quantity(parse_quantity("64Mi") * 16, "64Mi") == "1Gi"
    assert format_quantity(parse_quantity("64M") * 16, "64M") == "1024M"
    assert format_quantity(Fraction(3, 4)) == "750m"
