"""Administration at a whole gateway in virtual time: orders, fingers, broken glass."""

import dataclasses
from collections.abc import Iterator

import pytest

from gateway.core.facts import CredentialState, Mode
from gateway.errors import AdministrationError, FingerNeededError, RegistryError
from gateway.service.views import (
    AcknowledgeWish,
    CredentialStateWish,
    EnrolmentOrder,
    EraseWish,
    HolderStateWish,
    HolderWish,
    ImportWish,
    ModeWish,
)
from ledger.deep import Replay
from ledger.reader import Reader
from tests.administered import ROOT, administrator, ceremony, ordered, refusal, signed
from tests.virtual_site import ADMIN, VirtualSite


@pytest.fixture(autouse=True)
def a_stranger_agrees(site: VirtualSite) -> Iterator[None]:
    """Whatever was done, the entries alone prove who ordered it."""
    yield
    replay = Replay()
    with Reader.open(site.ledger_path) as reader:
        for n, body in enumerate(reader.entries(0, reader.size())):
            replay.on_entry(n, body, b"")
    assert replay.findings == []


def key_of(site_view: object, holder: str) -> str:
    """The credential id of a holder's only key."""
    ids = [one.id for one in site_view.credentials() if one.holder_id == holder]  # type: ignore[attr-defined] # a gateway
    assert len(ids) == 1
    return str(ids[0])


async def test_the_first_administrator_is_enrolled_by_root_alone(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        order = EnrolmentOrder("adm-1", "A name", ("staff",), role="admin")
        with pytest.raises(AdministrationError, match="root") as refused:
            await now.gateway.enrol(order, ADMIN)
        assert refusal(refused.value) == "not-root"
        await administrator(site, now)
        (enrol,) = site.entries("enrol")
        assert enrol.what["by"] == {"bootstrap": True, "uid": 0}
        # From here on a word is not enough.
        with pytest.raises(FingerNeededError, match="admin or operator"):
            await now.gateway.enrol(EnrolmentOrder("h2", "B", ("staff",)), ROOT)
        with pytest.raises(FingerNeededError):
            await now.gateway.set_mode(Mode.LOCKED, ROOT)


async def test_an_order_is_signed_over_exactly_what_changes(site: VirtualSite) -> None:
    async with site.running() as now:
        admin = await administrator(site, now)
        wish = EnrolmentOrder("h1", "Ada Byron", ("staff",), until_ms=2**52)
        view = await ordered(now, wish)
        assert "Register h1 (Ada Byron): groups staff" in view.text[0]
        assert (await signed(site, now, view, admin)).state == "done"
        await ceremony(site, now, key := await site.place.add_key("h1"))
        signature, holder, enrol = site.entries("order.signed", "holder", "enrol")[-3:]
        assert holder.what["by"] == enrol.what["by"]
        assert holder.what["by"]["order"] == signature.what["order"]
        assert signature.what["holder"] == "adm-1"
        await site.granted(now, key)
        assert site.entries()[-1].ev != "alarm"
    async with site.running() as again:  # the fold takes all of it back
        assert {one.id: one.role for one in again.gateway.holders()} == {
            "adm-1": "admin",
            "h1": "",
        }


async def test_what_protects_is_done_at_once_and_undone_by_a_finger(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        admin = await administrator(site, now)
        await now.gateway.set_mode(Mode.LOCKED_DOWN, ADMIN)
        assert (
            await signed(site, now, await ordered(now, ModeWish(Mode.LOCKED)), admin)
        ).state == "done"
        assert now.gateway.status().door.mode is Mode.LOCKED
        view = await now.gateway.administration.propose(
            HolderStateWish("adm-1", suspended=True), ADMIN, dry_run=True
        )
        assert (view.state, view.signers) == ("preview", 0)
        assert not now.gateway.holders()[0].suspended


async def test_a_second_administrator_makes_a_quorum(site: VirtualSite) -> None:
    async with site.running() as now:
        one = await administrator(site, now)
        order = EnrolmentOrder("adm-2", "B", ("staff",), role="admin")
        view = await ordered(now, order)
        assert view.signers == 1  # nobody else is there yet
        assert (await signed(site, now, view, one)).state == "done"
        two = await site.place.add_key("adm-2")
        await ceremony(site, now, two)

        view = await ordered(now, HolderWish("h1", "C", (), role="operator"))
        assert view.signers == 2
        half = await signed(site, now, view, one)
        assert (half.state, half.signed) == ("pending", ("adm-1",))
        assert [h.id for h in now.gateway.holders()] == ["adm-1", "adm-2"]
        done = await signed(site, now, view, two)
        assert (done.state, done.signed) == ("done", ("adm-1", "adm-2"))
        assert now.gateway.holders()[-1].role == "operator"


async def test_a_lost_key_is_replaced(site: VirtualSite) -> None:
    async with site.running() as now:
        admin = await administrator(site, now)
        view = await ordered(now, EnrolmentOrder("h1", "A", ("staff",)))
        await signed(site, now, view, admin)
        lost = await site.place.add_key("h1")
        await ceremony(site, now, lost)
        old = key_of(now.gateway, "h1")
        wish = EnrolmentOrder("h1", replaces=old)
        view = await ordered(now, wish)
        assert view.text[-1] == f"Revoke the key {old[:16]}, which it replaces."
        await signed(site, now, view, admin)
        new = await site.place.add_key("h1-new")
        await ceremony(site, now, new)
        states = {one.id: one.state for one in now.gateway.credentials()}
        assert states[old] is CredentialState.REVOKED
        assert site.entries("enrol")[-1].what["replaces"] == old
        assert site.entries("credential.state")[-1].what["reason"] == "replaced"
        await site.granted(now, new)
        await lost.touch()
        assert (await site.touch(now, lost)).data["result"] == "credential-revoked"


async def test_an_operator_resumes_and_never_gives_roles(site: VirtualSite) -> None:
    async with site.running() as now:
        admin = await administrator(site, now)
        order = EnrolmentOrder("op-1", "O", ("staff",), role="operator")
        await signed(site, now, await ordered(now, order), admin)
        operator = await site.place.add_key("op-1")
        await ceremony(site, now, operator)
        await now.gateway.set_credential_state(
            key_of(now.gateway, "adm-1"), CredentialState.SUSPENDED, ADMIN
        )
        resume = CredentialStateWish(
            key_of(now.gateway, "adm-1"), CredentialState.ACTIVE
        )
        view = await ordered(now, resume)
        choose = now.gateway.administration.choose
        with pytest.raises(AdministrationError) as refused:
            choose(view.id, view.code, "op-1", ADMIN)
        assert refusal(refused.value) == "role-missing"
        await signed(site, now, await ordered(now, ModeWish(Mode.LOCKED)), operator)
        assert site.entries("door.mode")[-1].what["by"]["order"]


async def test_many_holders_at_once(site: VirtualSite) -> None:
    async with site.running() as now:
        admin = await administrator(site, now)
        wish = ImportWish(
            tuple(HolderWish(f"h{n}", f"Name {n}", ("staff",)) for n in range(40))
        )
        view = await ordered(now, wish)
        assert len(view.text) == 40
        assert (await signed(site, now, view, admin)).state == "done"
        assert len(now.gateway.holders()) == 41
        with pytest.raises(RegistryError, match="Nothing would change"):
            await now.gateway.administration.propose(wish, ADMIN)
    assert b"Name 7" not in site.ledger_path.read_bytes()


async def test_another_key_takes_nothing_from_its_holder(site: VirtualSite) -> None:
    async with site.running() as now:
        admin = await administrator(site, now)
        first = HolderWish("h1", "A", ("staff",), 1, 2**52, "operator", 9, True)
        await signed(site, now, await ordered(now, first), admin)
        was = now.gateway.holders()[-1]
        count = len(site.entries("holder"))
        order = await ordered(now, EnrolmentOrder("h1"))
        assert order.text == ("Enrol a key of h1 (A), valid without end.",)
        await signed(site, now, order, admin)
        await ceremony(site, now, await site.place.add_key("h1"))
        assert now.gateway.holders()[-1] == was
        assert len(site.entries("holder")) == count

        # What is said changes, is in the text, and the rest stays.
        more = EnrolmentOrder("h1", until_ms=0, uses_max=0, extended=False)
        text = (await ordered(now, more)).text[0]
        assert "groups staff; valid from" in text
        assert "until" not in text
        assert "without a count; without more time at a door; role operator" in text
        old = key_of(now.gateway, "h1")
        order = await ordered(now, EnrolmentOrder("h1", groups=(), replaces=old))
        assert "groups none" in order.text[0]
        await signed(site, now, order, admin)
        await ceremony(site, now, await site.place.add_key("h1-new"))
        assert now.gateway.holders()[-1] == dataclasses.replace(was, groups=())


async def test_an_enrolment_that_contradicts_what_is_there(site: VirtualSite) -> None:
    async with site.running() as now:
        admin = await administrator(site, now)
        wish = HolderWish("h1", "A", from_ms=5_000, until_ms=9_000)
        await signed(site, now, await ordered(now, wish), admin)
        with pytest.raises(RegistryError, match="ends before it starts"):
            await ordered(now, EnrolmentOrder("h1", until_ms=4_000))
        key = key_of(now.gateway, "adm-1")
        with pytest.raises(RegistryError, match="adm-1's"):
            await ordered(now, EnrolmentOrder("h1", replaces=key))


async def test_a_key_for_who_bears_a_role_is_no_way_around_root(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        office = now.gateway.administration
        await office.propose(HolderWish("adm-1", "A", role="admin"), ROOT)
        with pytest.raises(AdministrationError) as refused:  # nobody has a key yet
            await now.gateway.enrol(EnrolmentOrder("adm-1"), ADMIN)
        assert refusal(refused.value) == "not-root"


async def test_more_time_at_a_door_is_ordered_and_taken_back(site: VirtualSite) -> None:
    async with site.running() as now:
        admin = await administrator(site, now)
        for extended in (True, False):
            wish = HolderWish("h1", "Slow And Sure", ("staff",), extended=extended)
            order = await ordered(now, wish)
            words = "with more time" if extended else "without more time"
            assert words in order.text[0]
            await signed(site, now, order, admin)
            assert now.gateway.holders()[-1].extended is extended
            assert site.entries("holder")[-1].what.get("extended", False) is extended


async def test_a_holder_is_erased_by_an_order(site: VirtualSite) -> None:
    async with site.running() as now:
        admin = await administrator(site, now)
        order = await ordered(now, HolderWish("h1", "Gone Soon", ()))
        await signed(site, now, order, admin)
        done = await signed(site, now, await ordered(now, EraseWish("h1")), admin)
        assert done.state == "done"
        assert now.gateway.holders()[-1].erased
        with pytest.raises(RegistryError, match="only administrator"):
            await now.gateway.administration.break_glass(
                EraseWish("adm-1"), "Testing the last one", ROOT
            )


async def test_broken_glass_stays_until_somebody_signs_for_it(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        admin = await administrator(site, now)
        office = now.gateway.administration
        wish = HolderWish("h1", "A", ("staff",))
        with pytest.raises(AdministrationError) as refused:
            await office.break_glass(wish, "No key at hand today", ADMIN)
        assert refusal(refused.value) == "not-root"
        with pytest.raises(AdministrationError) as refused:
            await office.break_glass(wish, " short ", ROOT)
        assert refusal(refused.value) == "reason-missing"
        with pytest.raises(AdministrationError) as refused:
            await office.break_glass(AcknowledgeWish(), "Nothing to see here", ROOT)
        assert refusal(refused.value) == "not-so"
        with pytest.raises(AdministrationError) as refused:
            await office.propose(AcknowledgeWish(), ADMIN)
        assert refusal(refused.value) == "nothing-to-do"
        await office.break_glass(wish, "No key at hand today", ROOT)
        assert now.gateway.status().unacknowledged == ("break-glass",)
        glass, alarm, holder = site.entries()[-3:]
        assert (glass.ev, alarm.ev, holder.ev) == ("break-glass", "alarm", "holder")
        assert holder.what["by"] == {"break_glass": True, "uid": 0}
        await now.gateway.save_registry()
    async with site.running() as again:
        assert again.gateway.status().unacknowledged == ("break-glass",)
        view = await ordered(again, AcknowledgeWish())
        assert (await signed(site, again, view, admin)).state == "done"
        assert again.gateway.status().unacknowledged == ()
    async with site.running() as third:
        assert third.gateway.status().unacknowledged == ()


async def test_an_order_runs_out_and_can_be_withdrawn(site: VirtualSite) -> None:
    async with site.running() as now:
        await administrator(site, now)
        office = now.gateway.administration
        view = await ordered(now, ModeWish(Mode.LOCKED))
        office.choose(view.id, view.code, "adm-1", ADMIN)
        with pytest.raises(AdministrationError, match="cannot be signed"):
            office.choose(view.id, view.code, "adm-1", ADMIN)
        other = await ordered(now, ModeWish(Mode.LOCKED))
        with pytest.raises(AdministrationError) as refused:
            office.choose(other.id, other.code, "adm-1", ADMIN)
        assert refusal(refused.value) == "busy"
        await site.sleep(31_000)
        assert office.order(view.id).reason == "no-touch"
        assert office.cancel(view.id).state == "cancelled"
        with pytest.raises(AdministrationError):
            office.cancel(view.id)
        await site.sleep(600_000)
        assert [one.state for one in office.orders()] == ["cancelled", "expired"]
        with pytest.raises(AdministrationError) as refused:
            office.order("ord_nothing")
        assert refusal(refused.value) == "unknown"
        for _ in range(8):
            await ordered(now, ModeWish(Mode.LOCKED))
        with pytest.raises(AdministrationError) as refused:
            await office.propose(ModeWish(Mode.LOCKED), ADMIN)
        assert refusal(refused.value) == "too-many"
