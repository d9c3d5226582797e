"""Many storms: on one cluster or each on its own, side by side where they do not disturb each other."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from chaos import guard, recover
from chaos.faults import registry as faults
from chaos.kube import Kube, connect
from chaos.scenario import Scenario
from chaos.stop import Stop
from seawall.embedded import Place, kept_cluster, place_for
from seawall.one_storm import Outcome, not_taken, take_place
from seawall.preflighting import impossible
from seawall.wanted import Storm, Wanted, say


def carry_out(wanted: Wanted, storms: list[Storm]) -> list[Outcome]:
    """An outcome for each storm, in the order given; also for those that did not take place, as the cluster cannot
    take them or all was ended before.
    """
    stop = Stop()
    with _signals(stop):
        apart = wanted.parallel > 1 and not wanted.context and kept_cluster() is None
        return (_apart if apart else _on_one_cluster)(wanted, storms, stop)


def _apart(wanted: Wanted, storms: list[Storm], stop: Stop) -> list[Outcome]:
    """Each storm in an embedded cluster of its own, so that all they share is the machine's processors."""

    def one(storm: Storm) -> Outcome:
        if stop.asked():
            return not_taken(wanted, storm, stop.reason, stop)
        with place_for("", told=lambda text: say(f"{storm[0].scenario}: {text}")) as place:
            return take_place(_connect(place), place, wanted, storm, stop.child())

    return _side_by_side(wanted, storms, one, alone=lambda scenario: faults[scenario.fault_name].hungry)


def _on_one_cluster(wanted: Wanted, storms: list[Storm], stop: Stop) -> list[Outcome]:
    """Side by side those that stay in their own namespaces, then, each alone, those that reach whole nodes."""
    with place_for(wanted.context, told=say) as place:
        _check(_connect(place), wanted, storms)
        # What we boot ourselves has everything that there is to ask for.
        why_not = {} if place.ephemeral else impossible(_connect(place), storms, wanted.variants)

        def one(storm: Storm) -> Outcome:
            if why := why_not.get(id(storm)) or stop.reason:
                return not_taken(wanted, storm, why, stop)
            if place.ephemeral:
                _await_room(_connect(place))
            return take_place(_connect(place), place, wanted, storm, stop.child())

        return _side_by_side(wanted, storms, one, alone=_needs_the_cluster_alone)


def _side_by_side(
    wanted: Wanted, storms: list[Storm], one: Callable[[Storm], Outcome], alone: Callable[[Scenario], bool]
) -> list[Outcome]:
    """As many at once as wanted, then one by one those that have to be alone. Outcomes are in the order given."""
    together = [storm for storm in storms if wanted.parallel > 1 and not alone(storm[0])]
    with ThreadPoolExecutor(wanted.parallel) as pool:
        outcomes = dict(zip(map(id, together), pool.map(one, together), strict=True))
    outcomes |= {id(storm): one(storm) for storm in storms if id(storm) not in outcomes}
    return [outcomes[id(storm)] for storm in storms]


def _await_room(kube: Kube) -> None:
    """Until what the storm before left is gone: a cluster that ends with the command is not waited for to be rid of it,
    and pods on their way out take room from the next storm's.
    """
    left = kube.list(recover.NAMESPACES, labelSelector=guard.RUN_LABEL)
    recover.wait_gone(kube, [namespace["metadata"]["name"] for namespace in left])


def _needs_the_cluster_alone(scenario: Scenario) -> bool:
    return faults[scenario.fault_name].node_wide or scenario.isolation is not None


def _connect(place: Place) -> Kube:
    return connect(place.context, place.kubeconfig)


def _check(kube: Kube, wanted: Wanted, storms: list[Storm]) -> None:
    """Does the guard let us at the cluster?"""
    guard.check_context(kube.context, wanted.allow_contexts)
    for scenario, _ in storms:
        if faults[scenario.fault_name].node_wide:
            why = f"{scenario.scenario}: {scenario.fault_name} reaches whole nodes"
            guard.check_nodes(kube.context, allowed=wanted.allow_nodes, why=why)


@contextmanager
def _signals(stop: Stop) -> Iterator[None]:
    """Ctrl-C and friends ask to stop; what was done is undone before the command ends."""

    def ask(number: int, _: Any) -> None:
        if stop.asked():
            say("still undoing what was done; a moment")
        stop(f"interrupted by {signal.Signals(number).name}")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
