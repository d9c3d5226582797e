"""Every command, its arguments and help; what each does is in a module of its own, imported when it is asked for."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="seawall",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Run a Kubernetes workload into a named failure pattern, under load, and learn which defenses held.",
)
cluster = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The embedded cluster, to keep and play with.")
app.add_typer(cluster, name="cluster")
node = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Its machines, to lose and to get back.")
cluster.add_typer(node, name="node")

Paths = Annotated[list[Path], typer.Argument(exists=True, help="Scenario files, or folders of them.")]
LIBRARY = Path(__file__).parents[1] / "scenarios"
OutDir = Annotated[Path, typer.Option("--out", help="Where run folders are made.")]


@app.callback()
def _main() -> None:
    """Options before a command: none. `seawall --version` prints the version."""


@app.command(epilog="Example: seawall run scenarios/lying-health-checks.yaml --live")
def run(
    scenarios: Paths,
    *,
    variant: Annotated[list[str] | None, typer.Option(help="Only this variant; may be repeated.")] = None,
    context: Annotated[str, typer.Option(help="A kubeconfig context; without it the embedded cluster.")] = "",
    allow_context: Annotated[
        list[str] | None, typer.Option(help="A context that is meant although it is not local.")
    ] = None,
    allow: Annotated[list[str] | None, typer.Option(help="`nodes`: faults may reach whole nodes.")] = None,
    parallel: Annotated[
        int, typer.Option(min=1, max=8, help="So many storms at once, each in an embedded cluster of its own.")
    ] = 1,
    seed: Annotated[int | None, typer.Option(help="Repeat a run: the seed in its result.")] = None,
    out: OutDir = Path("runs"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and touch nothing.")] = False,
    live: Annotated[
        bool | None, typer.Option("--live/--no-live", help="The live view; by default on a terminal.")
    ] = None,
    format: Annotated[str, typer.Option(help="What to print at the end: text or json.")] = "text",
) -> int:
    """Deploy each scenario's workload, drive load, inject the fault, and judge its defenses."""
    from seawall import running
    from seawall.wanted import Wanted

    wanted = Wanted(
        paths=tuple(scenarios),
        variants=tuple(variant or ()),
        context=context,
        allow_contexts=tuple(allow_context or ()),
        allow_nodes="nodes" in (allow or ()),
        seed=seed,
        out=out,
        live=live,
        format=_format(format),
        parallel=parallel,
    )
    return running.dry_run(wanted) if dry_run else running.run(wanted)


@app.command(epilog="Example: seawall ablate scenarios/node-drain.yaml")
def ablate(
    scenario: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A scenario file.")],
    *,
    context: Annotated[str, typer.Option(help="A kubeconfig context; without it the embedded cluster.")] = "",
    allow_context: Annotated[
        list[str] | None, typer.Option(help="A context that is meant although it is not local.")
    ] = None,
    allow: Annotated[list[str] | None, typer.Option(help="`nodes`: faults may reach whole nodes.")] = None,
    parallel: Annotated[int, typer.Option(min=1, max=8, help="So many storms at once.")] = 1,
    out: OutDir = Path("runs"),
    format: Annotated[str, typer.Option(help="What to print at the end: text or json.")] = "text",
) -> int:
    """Run a storm without each item of its defenses in turn: which of them does it need?"""
    from seawall import ablating
    from seawall.wanted import Wanted

    wanted = Wanted(
        paths=(scenario,),
        variants=(),
        context=context,
        allow_contexts=tuple(allow_context or ()),
        allow_nodes="nodes" in (allow or ()),
        seed=None,
        out=out,
        live=None,
        format=_format(format),
        parallel=parallel,
    )
    return ablating.ablate(wanted)


def _format(format: str, *more: str) -> str:
    known = ("text", "json", *more)
    if format not in known:
        raise typer.BadParameter(f"{format!r} is no format; known: {', '.join(known)}", param_hint="--format")
    return format


RunFolder = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The folder of a run.")]


@app.command(epilog="Example: seawall judge runs/20260102-030405-lying-health-checks")
def judge(run: RunFolder, format: Annotated[str, typer.Option(help="text or json")] = "text") -> int:
    """Judge a run again from its recording, also one that was killed half-way."""
    from seawall import running

    return running.judge_again(run, _format(format))


@app.command(epilog="Example: seawall report runs/20260102-030405-lying-health-checks --format markdown")
def report(
    run: RunFolder,
    format: Annotated[
        list[str] | None, typer.Option(help="html, text, markdown, json, junit or sarif; may be repeated.")
    ] = None,
) -> int:
    """Make the reports of a run again from its result."""
    from seawall import running

    return running.report_again(run, tuple(format or ("html",)))


@app.command(epilog="Example: seawall recover runs/20260102-030405-lying-health-checks")
def recover(
    run: Annotated[Path | None, typer.Argument(exists=True, file_okay=False, help="One run; without it all.")] = None,
    out: OutDir = Path("runs"),
) -> int:
    """Undo what a dead run left on its cluster, and prove it against the snapshot taken before."""
    from seawall import recovering

    return recovering.recover(run, out)


@app.command(epilog="Example: seawall validate scenarios/")
def validate(scenarios: Paths) -> int:
    """Check scenario files: every error at once, with file, line and the nearest right word."""
    from seawall import files

    return files.validate(tuple(scenarios))


@app.command(epilog="Example: seawall schema scenario > scenario.schema.json")
def schema(what: Annotated[str, typer.Argument(help="scenario or result")] = "scenario") -> int:
    """Print the JSON Schema of a file format."""
    from seawall import files

    if what not in {"scenario", "result"}:
        raise typer.BadParameter(f"{what!r} has no schema; known: scenario, result")
    return files.schema(what)


@app.command("list", epilog="Example: seawall list")
def list_(format: Annotated[str, typer.Option(help="text or json")] = "text") -> int:
    """The scenarios, faults and defenses there are."""
    from seawall import library

    return library.tell_all(LIBRARY, _format(format))


@app.command(epilog="Example: seawall show friday-deploy")
def show(
    scenario: Annotated[str, typer.Argument(help="A name in the library, or a scenario file.")],
    folder: Annotated[
        Path, typer.Option("--library", help="The folder to look in.", show_default="what comes with Seawall")
    ] = LIBRARY,
    format: Annotated[str, typer.Option(help="text or json")] = "text",
) -> int:
    """Tell a scenario: its lesson, its storm, its variants and what is expected of them."""
    from seawall import library

    return library.show(scenario, folder, _format(format))


@app.command(epilog="Example: seawall new node-drain deployment.yaml service.yaml --out storms/")
def new(
    fault: Annotated[str, typer.Argument(help="What is to happen to it; `seawall list` names the faults.")],
    workload: Annotated[list[str], typer.Argument(help="Manifests, or one live workload such as deployment/shop.")],
    *,
    target: Annotated[str, typer.Option(help="Which workload of the manifests, such as deployment/shop.")] = "",
    context: Annotated[str, typer.Option(help="Where a live workload is; the current context if not named.")] = "",
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Where a live workload is.")] = "default",
    name: Annotated[str, typer.Option(help="What to call the scenario; by default as the fault.")] = "",
    out: Annotated[Path, typer.Option("--out", help="Where the files are written.")] = Path(),
) -> int:
    """Write a scenario for your own workload: its target, Service and probes are read off it."""
    from seawall import drafting

    return drafting.new(
        drafting.Asked(
            fault=fault,
            workloads=tuple(workload),
            target=target,
            context=context,
            namespace=namespace,
            name=name,
            out=out,
        )
    )


@app.command(epilog="Example: seawall audit scenarios/workloads/shop.yaml")
def audit(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Manifests, or folders of them.")],
    format: Annotated[str, typer.Option(help="text, json or sarif")] = "text",
) -> int:
    """Is the checklist configured? Every finding with file, line and remedy. Exit code 1 when there are any."""
    from seawall import files

    return files.audit(tuple(paths), _format(format, "sarif"))


@app.command(epilog="Example: seawall fix deployment.yaml > fixed.yaml")
def fix(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Manifests, or folders of them.")],
) -> int:
    """Print the manifests with the defenses added that an audit finds missing."""
    from seawall import files

    return files.fix(tuple(paths))


@app.command(epilog="Example: seawall doctor --context kind-dev")
def doctor(
    scenarios: Annotated[
        list[Path] | None, typer.Argument(exists=True, help="With --context: these instead of the library.")
    ] = None,
    *,
    context: Annotated[str, typer.Option(help="A kubeconfig context: what can that cluster do?")] = "",
    allow_context: Annotated[
        list[str] | None, typer.Option(help="A context that is meant although it is not local.")
    ] = None,
    out: OutDir = Path("runs"),
    format: Annotated[str, typer.Option(help="text or json")] = "text",
) -> int:
    """Can this machine run the embedded cluster? With --context: what can a cluster do, and which scenarios can run?

    Of a cluster it is tried whether NetworkPolicies are enforced, by two small pods that are gone again afterwards.
    """
    from seawall import clusters, preflighting

    if scenarios and not context:
        raise typer.BadParameter("scenarios are held against a cluster; name one by --context")
    if not context:
        return clusters.doctor(_format(format))
    return preflighting.examine(
        preflighting.Asked(
            paths=tuple(scenarios or filter(Path.exists, [LIBRARY])),
            context=context,
            allow_contexts=tuple(allow_context or ()),
            out=out,
            format=_format(format),
        )
    )


@app.command(epilog="Example: seawall rbac scenarios/node-drain.yaml | kubectl apply -f -")
def rbac(
    scenarios: Paths,
    variant: Annotated[list[str] | None, typer.Option(help="Only this variant; may be repeated.")] = None,
) -> int:
    """Print the ClusterRole that somebody needs to run these scenarios on a cluster: that much, and no more."""
    from seawall import rbac as role

    return role.tell(tuple(scenarios), tuple(variant or ()))


@cluster.command(epilog="Example: seawall cluster up && export KUBECONFIG=$(seawall cluster kubeconfig)")
def up() -> int:
    """Start the embedded cluster and leave it running; `seawall run` then uses it."""
    from seawall import clusters

    return clusters.up()


@cluster.command(epilog="Example: seawall cluster down")
def down() -> int:
    """Stop the embedded cluster; nothing of it is left."""
    from seawall import clusters

    return clusters.down()


@cluster.command(epilog="Example: seawall cluster status")
def status(format: Annotated[str, typer.Option(help="text or json")] = "text") -> int:
    """Is it running, and how are its nodes? Exit code 69 when it is not."""
    from seawall import clusters

    return clusters.status(_format(format))


@cluster.command(
    "load-image",
    epilog="Example: docker save -o shop.tar shop:1 && seawall cluster load-image shop.tar",
)
def load_image(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A docker-archive or an OCI archive.")],
    name: Annotated[str, typer.Option(help="What to call the image, if its archive has no name for it.")] = "",
) -> int:
    """Give your own image to the embedded cluster; pods then run it by its name."""
    from seawall import clusters

    return clusters.load_image(file, name)


@node.command(epilog="Example: seawall cluster node stop node2 && kubectl get nodes -w")
def stop(name: str) -> int:
    """Cut a node's power: its network and every process on it are gone at once, and nobody tells the API."""
    from seawall import clusters

    return clusters.switch(name, "off")


@node.command(epilog="Example: seawall cluster node start node2")
def start(name: str) -> int:
    """Give a node its power back; its pods start again, as after a reboot."""
    from seawall import clusters

    return clusters.switch(name, "on")


@cluster.command(epilog="Example: kubectl --kubeconfig $(seawall cluster kubeconfig) get pods -A")
def kubeconfig() -> int:
    """Print the path of its kubeconfig."""
    from seawall import clusters

    return clusters.kubeconfig()
