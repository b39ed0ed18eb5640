"""Attacks on administration: orders replayed, swapped, signed by the wrong people."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.administration import Change
from gateway.core.assertion import Verified
from gateway.core.facts import CredentialState, DenialReason, Mode
from gateway.core.order_entries import Refused
from gateway.errors import AdministrationError
from gateway.service.signing import Signer
from gateway.service.views import (
    CredentialStateWish,
    EnrolmentOrder,
    HolderStateWish,
    HolderWish,
    ModeWish,
    OrderView,
)
from gateway.sim.key import KeyraDevice
from gateway.sim.misbehaviour import Misbehaviour
from tests.administered import administrator, asked, ceremony, ordered, refusal, signed
from tests.virtual_site import ADMIN, Running, VirtualSite

WISH = HolderWish("h1", "Somebody", ("staff",))


def key_id(now: Running, holder: str) -> str:
    return next(k.id for k in now.gateway.credentials() if k.holder_id == holder)


def changed(now: Running) -> bool:
    return any(holder.id == "h1" for holder in now.gateway.holders())


async def hire(
    site: VirtualSite, now: Running, admin: KeyraDevice, name: str, role: str
) -> KeyraDevice:
    order = EnrolmentOrder(name, f"Name of {name}", ("staff",), role=role)
    await signed(site, now, await ordered(now, order), admin)
    key = await site.place.add_key(name)
    await ceremony(site, now, key)
    return key


async def sign_with(
    site: VirtualSite, now: Running, view: OrderView, key: KeyraDevice
) -> OrderView:
    now.gateway.administration.choose(view.id, view.code, key.name, ADMIN)
    await asked(site, now, view.id, key)
    return now.gateway.administration.order(view.id)


async def test_attack_an_order_is_replayed(site: VirtualSite) -> None:
    """What was signed once is done once, though the same thing is asked for again."""
    async with site.running() as now:
        admin = await administrator(site, now)
        first = await ordered(now, ModeWish(Mode.LOCKED))
        assert (await signed(site, now, first, admin)).state == "done"
        with pytest.raises(AdministrationError) as refused:
            now.gateway.administration.choose(first.id, first.code, "adm-1", ADMIN)
        assert refusal(refused.value) == "order-done"
        second = await ordered(now, ModeWish(Mode.LOCKED))
        assert second.code != first.code
        await admin.misbehave(Misbehaviour.STALE_ANSWER)
        await admin.touch()
        assert (await sign_with(site, now, second, admin)).state == "pending"
        refusals = [one.what["reason"] for one in site.entries("order.refused")]
        assert refusals == [DenialReason.ANSWER_REPLAYED.value]
        assert len(site.entries("door.mode")) == 1


async def test_attack_the_text_is_swapped_after_signing(
    site: VirtualSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest that was signed is not that of what would be carried out."""
    async with site.running() as now:
        admin = await administrator(site, now)
        view = await ordered(now, WISH)
        desk, ask = now.gateway._desk, Signer.ask

        async def asks_and_swaps(signer: Signer, *what: Any) -> Verified | Refused:
            outcome = await ask(signer, *what)
            order = desk._orders[view.id]
            order.proposal = replace(
                order.proposal, changes=(Change("holder", {"holder": "evil"}),)
            )
            return outcome

        monkeypatch.setattr(Signer, "ask", asks_and_swaps)
        now.gateway.administration.choose(view.id, view.code, "adm-1", ADMIN)
        await admin.touch()
        await asked(site, now, view.id, admin)
        after = now.gateway.administration.order(view.id)
        assert (after.state, after.reason) == ("failed", "order-mismatch")
        assert not changed(now)


async def test_attack_an_operator_signs_for_an_administrator(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        admin = await administrator(site, now)
        operator = await hire(site, now, admin, "op-1", "operator")
        view = await ordered(now, HolderWish("h1", "S", (), role="admin"))
        with pytest.raises(AdministrationError) as refused:
            await sign_with(site, now, view, operator)
        assert refusal(refused.value) == "role-missing"
        # Nor if the administrator's choice is on air and the operator is quicker.
        now.gateway.administration.choose(view.id, view.code, "adm-1", ADMIN)
        await site.granted(now, operator)
        assert now.gateway.administration.order(view.id).state == "touching"
        assert not changed(now)


async def test_attack_a_suspended_administrators_key_signs(site: VirtualSite) -> None:
    async with site.running() as now:
        admin = await administrator(site, now)
        view = await ordered(now, WISH)
        suspend = now.gateway.set_credential_state
        await suspend(key_id(now, "adm-1"), CredentialState.SUSPENDED, ADMIN)
        await admin.touch()
        after = await sign_with(site, now, view, admin)
        assert (after.state, after.reason) == ("pending", "credential-suspended")
        (entry,) = site.entries("order.refused")
        assert entry.what["evidence"]
        assert not changed(now)


async def test_attack_a_suspended_administrator_signs(site: VirtualSite) -> None:
    async with site.running() as now:
        admin = await administrator(site, now)
        view = await ordered(now, WISH)
        now.gateway.administration.choose(view.id, view.code, "adm-1", ADMIN)
        await now.gateway.administration.propose(
            HolderStateWish("adm-1", suspended=True), ADMIN
        )
        await admin.touch()
        await asked(site, now, view.id, admin)
        after = now.gateway.administration.order(view.id)
        assert (after.state, after.reason) == ("failed", "signer-not-active")
        assert not changed(now)


async def test_attack_the_same_administrator_twice_for_a_quorum(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        one = await administrator(site, now)
        await hire(site, now, one, "adm-2", "admin")
        view = await ordered(now, HolderWish("h1", "S", (), role="admin"))
        assert (await signed(site, now, view, one)).state == "pending"
        with pytest.raises(AdministrationError) as refused:
            await sign_with(site, now, view, one)
        assert refusal(refused.value) == "signed-twice"
        # Nor with a second key of the same person.
        spare = EnrolmentOrder("adm-1", "", ("staff",), role="admin")
        order = await ordered(now, spare)
        assert order.signers == 2
        assert not changed(now)


async def test_attack_one_suspends_the_other_to_do_without(site: VirtualSite) -> None:
    async with site.running() as now:
        one = await administrator(site, now)
        await hire(site, now, one, "adm-2", "admin")
        await now.gateway.administration.propose(
            HolderStateWish("adm-2", suspended=True), ADMIN
        )
        view = await ordered(now, HolderWish("h1", "S", (), role="admin"))
        assert view.signers == 2
        revoke = CredentialStateWish(key_id(now, "adm-2"), CredentialState.REVOKED)
        # Revoking the key of somebody with a role takes a finger, and is told.
        assert (await ordered(now, revoke)).action == "staff.revoke"
        assert (await signed(site, now, view, one)).state == "pending"


async def test_attack_an_order_is_signed_by_whoever_wants_in(
    site: VirtualSite,
) -> None:
    """Queued orders never reach a key that is touched at the door."""
    async with site.running() as now:
        admin = await administrator(site, now)
        views = [await ordered(now, WISH) for _ in range(3)]
        await site.granted(now, admin)
        purposes = {one.what["purpose"] for one in site.entries("door.grant")}
        assert purposes == {"door.unlock"}
        assert site.entries("order.signed") == []
        states = {now.gateway.administration.order(one.id).state for one in views}
        assert states == {"pending"}


async def test_attack_another_code_puts_nothing_on_air(site: VirtualSite) -> None:
    async with site.running() as now:
        admin = await administrator(site, now)
        view = await ordered(now, WISH)
        wrong = f"{(int(view.code) + 1) % 10**6:06}"
        with pytest.raises(AdministrationError) as refused:
            now.gateway.administration.choose(view.id, wrong, "adm-1", ADMIN)
        assert refusal(refused.value) == "code-mismatch"
        await site.granted(now, admin)
        assert site.entries("order.signed") == []


async def test_attack_a_signature_opens_no_door(site: VirtualSite) -> None:
    async with site.running() as now:
        admin = await administrator(site, now)
        await signed(site, now, await ordered(now, WISH), admin)
        assert await site.releases() == 0


async def test_attack_the_order_is_about_what_is_no_more(site: VirtualSite) -> None:
    """A whole new state of a holder must not undo what happened meanwhile."""
    async with site.running() as now:
        admin = await administrator(site, now)
        await signed(site, now, await ordered(now, WISH), admin)
        view = await ordered(now, HolderWish("h1", "", ("staff", "night")))
        await now.gateway.administration.propose(
            HolderStateWish("h1", suspended=True), ADMIN
        )
        after = await signed(site, now, view, admin)
        assert (after.state, after.reason) == ("failed", "changed-meanwhile")
        assert now.gateway.holders()[-1].suspended


async def test_attack_a_cloned_administrators_key(site: VirtualSite) -> None:
    async with site.running() as now:
        admin = await administrator(site, now)
        view = await ordered(now, WISH)
        await admin.misbehave(Misbehaviour.COUNTER_BACK)
        await admin.touch()
        after = await sign_with(site, now, view, admin)
        assert after.reason == "counter-not-rising"
        (key,) = now.gateway.credentials()
        assert key.state is CredentialState.SUSPENDED
        assert site.entries("alarm")[-1].what["kind"] == "cloned-key"
        assert not changed(now)


@pytest.mark.parametrize("way", ["refuse", "lose", "keep"])
async def test_attack_the_ledger_fails_under_an_order(
    site: VirtualSite, way: str
) -> None:
    """Done and signed, or neither: also where nobody knows what is on the disk."""
    async with site.running() as now:
        admin = await administrator(site, now)
        view = await ordered(now, WISH)
        now.gateway.administration.choose(view.id, view.code, "adm-1", ADMIN)
        now.journal.ways = [way]
        await admin.touch()
        await admin.present()
        await site.sleep(5_000)
        if way == "refuse":
            after = now.gateway.administration.order(view.id)
            assert (after.state, after.reason) == ("pending", "ledger-unavailable")
            assert not changed(now)
        else:
            assert now.died
        await admin.sleep()
    kinds = [one.ev for one in site.entries("order.signed", "holder")]
    expected = ["holder", "order.signed", "holder"] if way == "keep" else ["holder"]
    assert kinds == expected
    async with site.running() as again:
        assert changed(again) is (way == "keep")
