"""Every recorded case, replayed on the embedded cluster: what a real cluster did, this one does.

The quick cases are all recorded by the first test that needs one, several at a time; so are the long ones, which are
left out unless asked for with `-m slow`.
"""

import shutil
from collections.abc import Callable

import pytest

from tests.replay import fixtures
from tests.replay.case import CASES, Case
from tests.replay.compare import compare
from tests.replay.conftest import replayed
from tests.replay.facts import facts
from tests.replay.known import KNOWN
from tests.replay.run import record_all
from tests.replay.stage import Row

pytestmark = [
    pytest.mark.root,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed; the cases are asked through it"),
]

QUICK = [case for case in CASES.values() if fixtures.is_quick(case.name)]
LONG = [case for case in CASES.values() if case not in QUICK]

Recordings = Callable[[Case], list[Row]]


@pytest.fixture(scope="module")
def recordings(request: pytest.FixtureRequest) -> Recordings:
    """The rows of a case; all cases of its kind that this run asks for are recorded together."""
    wanted = {case.name for item in request.session.items if (case := replayed(item))}
    made: dict[str, list[Row]] = {}

    def rows(case: Case) -> list[Row]:
        if case.name not in made:
            made.update(record_all(c for c in (QUICK if case in QUICK else LONG) if c.name in wanted))
        return made[case.name]

    return rows


def check(case: Case, recordings: Recordings) -> None:
    compared = compare(case.name, fixtures.load(case.name), facts(recordings(case)), KNOWN)
    assert compared.agrees, str(compared)


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_a_quick_case_agrees(case: Case, recordings: Recordings) -> None:
    check(case, recordings)


@pytest.mark.slow
@pytest.mark.parametrize("case", LONG, ids=lambda case: case.name)
def test_a_long_case_agrees(case: Case, recordings: Recordings) -> None:
    check(case, recordings)
