"""The phases, in order: deploy, baseline, fault, recovery; the variants side by side, each in a thread of its own.

What a run leaves is its recording. Nothing here judges. Whatever happens, Ctrl-C included, ends in healing: the undo of
every change is in the journal before the change is made.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from chaos import recover, show
from chaos.deploy import NotReady, apply, await_ready, create_namespace, meet
from chaos.kube import KubeError
from chaos.loading import follow_load, load_objects
from chaos.monitoring import ask_monitoring
from chaos.observe import observe
from chaos.outsiders import watch_outsiders
from chaos.plan import VariantPlan
from chaos.recording import Phase, PhaseName, Trouble
from chaos.stop import Stopped
from chaos.storm import strike
from chaos.underway import Run
from loadgen.units import Duration

LOAD_FLOWS_WITHIN = Duration(30)
# Beyond its phases a run may take this long before it is ended: deploying has a deadline of its own.
SLACK = Duration(90)
SHOWN_WITHIN = Duration(3)


def execute(run: Run) -> list[str]:
    """Run every variant, then heal. Returns what could not be healed (empty: the cluster is as it was before)."""
    try:
        with _time_limit(run), watch_outsiders(run.kube, run.plan.run, run.recorder, run.stop):
            _variants(run)
    except (KubeError, Stopped) as error:
        run.recorder.write(Trouble, what="the run ended early", detail=str(error))
    finally:
        for thread in run.showing:
            thread.join(SHOWN_WITHIN.seconds)
        run.over.set()
        run.kube.hang_up()
        left = heal(run)
    return left


def heal(run: Run) -> list[str]:
    """Undo whatever is left to undo. A cluster that is gone took everything with it if it was the run's own."""
    try:
        left = recover.heal(run.kube, run.journal, list(reversed(run.undos)))
    except KubeError as error:
        if run.journal.header.ephemeral:
            run.journal.healed()
            return []
        run.recorder.write(Trouble, what="not healed", detail=str(error))
        return [f"the cluster cannot be reached to undo the run: {error}"]
    for difference in left:
        run.recorder.write(Trouble, what="not healed", detail=difference)
    return left


def _variants(run: Run) -> None:
    observe(run.kube, "", "", run.recorder, run.ending)
    create_namespace(run, run.plan.load_namespace)
    together = threading.Barrier(len(run.plan.variants))
    threads = [
        threading.Thread(target=_variant, args=(run, variant, together), name=f"variant-{variant.name}")
        for variant in run.plan.variants
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _variant(run: Run, variant: VariantPlan, together: threading.Barrier) -> None:
    """One side of the comparison, start to end; whatever goes wrong in it is written down, never lost."""
    try:
        _phases(run, variant, together)
    except Stopped as stopped:
        run.recorder.write(Trouble, variant.name, what="the run was stopped", detail=str(stopped))
    except (KubeError, NotReady) as error:
        run.recorder.write(Trouble, variant.name, what="the variant ended early", detail=str(error))
    finally:
        together.abort()


def _phases(run: Run, variant: VariantPlan, together: threading.Barrier) -> None:
    def begin(phase: PhaseName) -> None:
        run.recorder.write(Phase, variant.name, phase=phase)

    begin("deploy")
    create_namespace(run, variant.namespace)
    view, _ = observe(run.kube, variant.namespace_name, variant.name, run.recorder, run.ending)
    load_namespace = run.plan.load_namespace["metadata"]["name"]
    pods = load_objects(run.plan, variant, run.seed)
    with follow_load(run.kube, pods, load_namespace, variant.name, run.recorder, run.ending) as load:
        apply(run, variant, together)
        await_ready(run, variant, view)
        load.await_flow(run.stop.wait, LOAD_FLOWS_WITHIN)
        run.stop.wait(run.settle)
        meet(together, run.stop)
        begin("baseline")
        with ask_monitoring(
            run.kube, variant.namespace_name, variant.name, run.scenario.monitoring, run.recorder, run.ending
        ):
            run.stop.wait(run.scenario.phases.baseline)
            show.beside(run, variant, view, "baseline")
            begin("fault")
            strike(run, variant, view)
            begin("recovery")
            run.stop.wait(run.scenario.phases.recovery)
        begin("done")
        show.beside(run, variant, view, "end")


@contextmanager
def _time_limit(run: Run) -> Iterator[None]:
    phases = run.scenario.phases
    seconds = sum(d.seconds for d in (phases.baseline, phases.fault, phases.recovery, run.scenario.deadline, SLACK))
    timer = threading.Timer(seconds, run.stop, args=(f"its time was up after {Duration(seconds)}",))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
