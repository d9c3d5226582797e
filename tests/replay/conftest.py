"""The long cases take minutes: they run when they are asked for, with `-m slow`."""

import pytest

from tests.replay.case import Case


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "slow" in config.option.markexpr:
        return
    long = [item for item in items if "slow" in item.keywords and is_replay(item)]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


def is_replay(item: pytest.Item) -> bool:
    return replayed(item) is not None


def replayed(item: pytest.Item) -> Case | None:
    """The case that a test replays."""
    case = getattr(item, "callspec").params.get("case") if hasattr(item, "callspec") else None  # noqa: B009
    return case if isinstance(case, Case) else None
