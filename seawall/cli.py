"""The entry point: `--version` without importing anything, errors of the user's without a traceback."""

import sys

from seawall import exits


def main() -> None:
    """Run the command line and exit with one of `seawall.exits`."""
    if sys.argv[1:] == ["--version"]:
        from importlib.metadata import version

        print(f"seawall {version('seawall')}")  # noqa: T201  # the whole point of the branch is to load nothing more
        return
    sys.exit(_run())


def _run() -> int:
    from typer._click.exceptions import ClickException  # its public home: typer shows usage errors by this class

    from seawall.app import app

    try:
        code = app(standalone_mode=False)
    except ClickException as error:
        error.show()
        return exits.WRONG_INPUT
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except Exception as error:
        told = _told(error)
        if told is None:
            raise
        code, text = told
        print(text, file=sys.stderr)  # noqa: T201  # the one place where errors meet the user
    return int(code or 0)


def _told(error: Exception) -> tuple[int, str] | None:
    """Exit code and text for what is no bug of ours; None for what is."""
    from chaos.guard import Forbidden
    from chaos.kube import KubeError
    from chaos.problems import InputErrors
    from reports.write import UnknownFormat
    from seawall.embedded import NoUsableCluster

    match error:
        case InputErrors():
            count = len(error.problems)
            return exits.WRONG_INPUT, f"{error}\n{count} error{'s' if count > 1 else ''}; nothing was touched"
        case Forbidden() | UnknownFormat():
            return exits.WRONG_INPUT, str(error)
        case KubeError() | NoUsableCluster():
            return exits.NO_CLUSTER, str(error)
        case OSError() if error.filename or error.strerror:
            return exits.WRONG_INPUT, f"{error.strerror}: {error.filename}" if error.filename else str(error)
    return None
