"""Trials at a whole gateway in virtual time: what they show; nothing follows."""

import asyncio

import pytest

from gateway.core.encoding import from_base64url, to_base64url
from gateway.core.facts import DenialReason
from gateway.core.ids import CredentialId, PeerAddress
from gateway.errors import AdministrationError
from gateway.service.trials import TRIAL_MS, TrialView
from gateway.sim.key import KeyraDevice
from gateway.sim.misbehaviour import Misbehaviour
from tests.virtual_site import Running, VirtualSite


async def begun(site: VirtualSite, now: Running) -> tuple[KeyraDevice, TrialView]:
    """A key that is enrolled, and a trial that waits for it."""
    key = await site.enrol(now)
    (credential,) = now.gateway.credentials()
    return key, now.gateway.trials.begin(credential.id)


async def over(site: VirtualSite, now: Running) -> TrialView:
    """The trial, once it has passed or failed."""

    async def there() -> bool:
        return seen(now).state in {"passed", "failed"}

    await site.until(there)
    return seen(now)


def seen(now: Running) -> TrialView:
    view = now.gateway.trials.current()
    assert view is not None
    return view


async def test_a_key_is_tried_step_by_step_and_nothing_follows(
    site: VirtualSite,
) -> None:
    async with site.running() as now:
        key, view = await begun(site, now)
        assert view.state == "waiting"
        before = len(site.entries())
        await key.present()

        async def touching() -> bool:
            return seen(now).state == "touching"

        await site.until(touching)
        assert seen(now).request
        assert not seen(now).signature
        await key.touch()
        done = await over(site, now)
        assert (done.state, done.reason) == ("passed", None)
        assert list(done.stages_us) == [
            *("connect", "describe", "challenge", "answer", "verify")
        ]
        assert (done.user_present, done.user_verified) == (True, True)
        assert done.counter == (await key.state()).counter
        assert len(bytes.fromhex(done.challenge)) == 32
        assert done.authenticator_data
        assert done.signature
        assert '"type":"webauthn.get"' in done.client_data_json
        await key.sleep()
        await site.sleep(10_000)
        assert await site.releases() == 0
        assert len(site.entries()) == before
        assert "touch.ended" not in now.kinds()
        states = [e.data["state"] for e in now.heard if e.kind == "trial"]
        assert states == ["waiting", "asking", "touching", "passed"]
        await site.granted(now, key)  # and its counter still rises


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        (Misbehaviour.UV_NOT_SET, DenialReason.USER_NOT_VERIFIED),
        (Misbehaviour.BAD_SIGNATURE, DenialReason.SIGNATURE_INVALID),
        (Misbehaviour.RUBBISH_FRAMES, DenialReason.WIRE_BROKEN),
        (Misbehaviour.STALL, DenialReason.NO_TOUCH),
    ],
)
async def test_why_it_failed_is_the_denial_s_own_word(
    site: VirtualSite, way: Misbehaviour, reason: DenialReason
) -> None:
    async with site.running() as now:
        key, _ = await begun(site, now)
        await key.misbehave(way)
        await key.touch()
        await key.present()
        done = await over(site, now)
        assert (done.state, done.reason) == ("failed", reason.value)
        assert site.reasons() == []
        assert await site.releases() == 0


async def test_a_wrong_finger_is_seen_and_not_written(site: VirtualSite) -> None:
    async with site.running() as now:
        key, _ = await begun(site, now)
        await key.wrong_finger()
        await key.present()
        assert (await over(site, now)).reason == "finger-not-recognised"
        assert site.reasons() == []


async def test_nobody_comes(site: VirtualSite) -> None:
    async with site.running() as now:
        await begun(site, now)
        await site.sleep(TRIAL_MS)
        view = seen(now)
        assert (view.state, view.reason) == ("failed", "no-touch")
        with pytest.raises(AdministrationError, match="no trial to end"):
            now.gateway.trials.cancel()


async def test_one_at_a_time_and_only_of_what_is_enrolled(site: VirtualSite) -> None:
    async with site.running() as now:
        _, view = await begun(site, now)
        trials = now.gateway.trials
        with pytest.raises(AdministrationError, match="Another trial"):
            trials.begin(view.credential_id)
        assert trials.cancel().reason == "cancelled"
        for unknown in (to_base64url(bytes(32)), "!", ""):
            with pytest.raises(AdministrationError, match="No credential"):
                trials.begin(unknown)
        assert trials.begin(view.credential_id).id != view.id


async def test_another_key_opens_the_door_meanwhile(site: VirtualSite) -> None:
    async with site.running() as now:
        other = await site.enrol(now, "h2")
        known = {one.holder_id: one for one in now.gateway.credentials()}
        await site.enrol(now, "h1")
        (mine,) = (one for one in now.gateway.credentials() if one.id != known["h2"].id)
        now.gateway.trials.begin(mine.id)
        await site.granted(now, other)
        assert seen(now).state == "waiting"


async def test_an_answer_after_the_end_is_not_looked_at(site: VirtualSite) -> None:
    async with site.running() as now:
        key, _ = await begun(site, now)
        await key.present()

        async def touching() -> bool:
            return seen(now).state == "touching"

        await site.until(touching)
        now.gateway.trials.cancel()
        await key.touch()
        await site.sleep(2_000)
        assert (seen(now).state, seen(now).reason) == ("failed", "cancelled")
        assert await site.releases() == 0


async def test_a_trial_that_is_cut_off_is_over(site: VirtualSite) -> None:
    async with site.running() as now:
        key, view = await begun(site, now)
        trials = now.gateway.trials
        assert await trials.touch(_address(key), CredentialId(b"another" * 3)) == 0
        asking = asyncio.ensure_future(trials.touch(_address(key), _credential(view)))
        await site.sleep(1)
        asking.cancel()
        await asyncio.wait({asking})
        assert (seen(now).state, seen(now).reason) == ("failed", "internal")


def _address(key: KeyraDevice) -> PeerAddress:
    return PeerAddress(key.address)


def _credential(view: TrialView) -> CredentialId:
    raw = from_base64url(view.credential_id)
    assert raw is not None
    return CredentialId(raw)
