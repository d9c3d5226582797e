"""Events are forgotten after their hour."""

from cluster.controllers.context import Context
from cluster.controllers.event_expiry import controller
from cluster.objects import key_of
from tests.controllers.world import World


async def test_an_event_goes_an_hour_after_it_was_last_told(world: World) -> None:
    world.deploy()
    await world.until(lambda: world.said("SuccessfulCreate"))
    reconcile = controller(Context(client=world.client, clock=world.clock)).reconcile
    event = world.events("SuccessfulCreate")[0]
    left = await reconcile(key_of(event))
    assert left is not None
    assert 3500 < left <= 3600
    world.ahead += 3601
    await reconcile(key_of(event))
    assert key_of(event) not in map(key_of, world.events())
