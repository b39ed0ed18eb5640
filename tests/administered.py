"""A virtual site with administrators, and orders that their keys sign."""

from gateway.errors import AdministrationError
from gateway.service.views import Actor, EnrolmentOrder, OrderView, Wish
from gateway.sim.key import KeyraDevice
from tests.virtual_site import ADMIN, Running, VirtualSite

ROOT = Actor(uid=0, master=True)


async def administrator(
    site: VirtualSite, now: Running, name: str = "adm-1", role: str = "admin"
) -> KeyraDevice:
    """Enrol somebody with a role as root does while nobody has one."""
    key = await site.place.add_key(name)
    order = EnrolmentOrder(name, f"Name of {name}", ("staff",), role=role)
    await now.gateway.enrol(order, ROOT)
    await ceremony(site, now, key)
    return key


async def ceremony(site: VirtualSite, now: Running, key: KeyraDevice) -> None:
    """Carry the armed ceremony out with this key."""
    await key.touch(times=2)
    await key.pairing_mode()
    shown = await site.ceremony(now, "comparing")
    agree = shown.number == (await key.state()).shown_number
    await now.gateway.answer_comparison(agree=agree)
    done = await site.ceremony(now, "registered")
    assert done.step == "registered", done
    await key.sleep()
    await site.sleep(6_000)


async def ordered(now: Running, wish: Wish) -> OrderView:
    """Put an order on the desk."""
    view = await now.gateway.administration.propose(wish, ADMIN)
    assert view.state == "pending", view
    return view


async def signed(
    site: VirtualSite, now: Running, view: OrderView, *keys: KeyraDevice
) -> OrderView:
    """Have keys sign an order, one after the other; return what became of it."""
    for key in keys:
        now.gateway.administration.choose(view.id, view.code, key.name, ADMIN)
        await key.touch()
        await asked(site, now, view.id, key)
    return now.gateway.administration.order(view.id)


async def asked(
    site: VirtualSite, now: Running, order_id: str, key: KeyraDevice
) -> None:
    """Wake a key until the order that is on air has its answer."""
    await key.present()

    async def answered() -> bool:
        return now.gateway.administration.order(order_id).state != "touching"

    await site.until(answered)
    await key.sleep()
    await key.misbehave()
    await site.sleep(6_000)


def refusal(error: Exception) -> str:
    """Return the stable word of a refused order."""
    assert isinstance(error, AdministrationError), error
    return error.reason
