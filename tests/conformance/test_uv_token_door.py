"""User verification at a door and in the ceremony, by token and without one."""

from typing import Any

import pytest

from gateway.core.enrolment import EnrolmentFailure
from gateway.core.facts import DenialReason
from gateway.core.ids import CredentialId, PeerAddress
from gateway.ctap.command import Protocol
from gateway.ctap.status import CtapStatus, authenticator_error
from gateway.errors import AuthenticatorError, LinkTimeoutError
from gateway.service.conversation import converse
from gateway.service.new_credential import failure_of
from gateway.service.uv_token import KnownKeys
from gateway.sim.authenticator import UV_RETRIES_MAX
from gateway.sim.key import KeyraDevice
from gateway.sim.key_model import KeyModel
from gateway.sim.misbehaviour import Misbehaviour
from tests.uv_door import HOLDER, UvDoor

BOTH = (Protocol.TWO, Protocol.ONE)
TOKENS = KeyModel(tokens=BOTH)
PLAIN = KeyModel()
WITH_TOKEN = ["agreement", "token", "proved assertion"]


async def enrolled(
    r: Any, model: KeyModel = TOKENS, touches: int = 2
) -> tuple[UvDoor, KeyraDevice, CredentialId]:
    door = UvDoor(r.clock, r.radio, r.place)
    key = await r.place.add_key("a", model)
    await r.pair(key)
    credential_id = await door.enrol(key, touches)
    await key.sleep()
    return door, key, credential_id


@pytest.mark.parametrize("tokens", [BOTH, (Protocol.ONE,), (Protocol.TWO,)])
async def test_one_touch_for_a_token_opens(
    rig: Any, tokens: tuple[Protocol, ...]
) -> None:
    async with rig() as r:
        door, key, credential_id = await enrolled(r, KeyModel(tokens=tokens))
        creation = ["info", "agreement", "token", "proved creation"]
        assert door.heard() == [*creation, *WITH_TOKEN]
        await key.touch()
        outcome = await door.touch(key, credential_id)
        assert outcome.reason is None
        assert door.strike.releases == 1
        assert door.heard() == ["info", "retries", *WITH_TOKEN]
        assert door.touches_wanted() >= 1


async def test_a_key_that_forgets_the_touch_is_touched_twice(rig: Any) -> None:
    async with rig() as r:
        model = KeyModel(tokens=BOTH, remembers_touch=False)
        door, key, credential_id = await enrolled(r, model, touches=4)
        await key.touch(times=2, after_ms=1_000)
        assert (await door.touch(key, credential_id)).reason is None
        await key.touch()
        outcome = await door.touch(key, credential_id)
        assert outcome.reason is DenialReason.NO_TOUCH
        assert door.strike.releases == 1


@pytest.mark.parametrize(
    ("model", "touch"), [(PLAIN, ["assertion"]), (TOKENS, WITH_TOKEN)]
)
async def test_what_a_key_can_do_is_asked_once(
    rig: Any, model: KeyModel, touch: list[str]
) -> None:
    async with rig() as r:
        door, key, credential_id = await enrolled(r, model)
        door.heard()
        for first in (["info", "retries"], [], []):
            await key.touch()
            assert (await door.touch(key, credential_id)).reason is None
            assert door.heard() == first + touch


@pytest.mark.parametrize("model", [PLAIN, TOKENS])
async def test_a_refusal_is_the_same_denial_with_and_without_token(
    rig: Any, model: KeyModel
) -> None:
    async with rig() as r:
        door, key, credential_id = await enrolled(r, model)
        await key.wrong_finger()
        outcome = await door.touch(key, credential_id)
        assert outcome.reason is DenialReason.FINGER_NOT_RECOGNISED
        await key.decline()
        assert (await door.touch(key, credential_id)).reason is DenialReason.DECLINED
        outcome = await door.touch(key, credential_id)
        assert outcome.reason is DenialReason.NO_TOUCH
        key.authenticator.uv_retries = 0
        await key.touch()
        outcome = await door.touch(key, credential_id)
        assert outcome.reason is DenialReason.FINGER_BLOCKED
        assert door.strike.releases == 0


@pytest.mark.parametrize("model", [PLAIN, TOKENS])
async def test_the_last_try_is_never_used(rig: Any, model: KeyModel) -> None:
    async with rig() as r:
        door, key, credential_id = await enrolled(r, model)
        reasons = []
        for _ in range(UV_RETRIES_MAX + 2):
            await key.wrong_finger()
            reasons.append((await door.touch(key, credential_id)).reason)
            await key.sleep()
        used = UV_RETRIES_MAX - 1
        assert reasons[:used] == [DenialReason.FINGER_NOT_RECOGNISED] * used
        assert set(reasons[used:]) == {DenialReason.LAST_TRY_SPARED}
        assert key.authenticator.uv_retries == 1
        await key.unblock()
        await key.touch()
        assert (await door.touch(key, credential_id)).reason is None


@pytest.mark.parametrize("model", [PLAIN, TOKENS])
async def test_a_gateway_that_starts_anew_spares_the_last_try_too(
    rig: Any, model: KeyModel
) -> None:
    async with rig() as r:
        door, key, credential_id = await enrolled(r, model)
        key.authenticator.uv_retries = 1
        await key.wrong_finger()
        outcome = await door.touch(key, credential_id)
        assert outcome.reason is DenialReason.LAST_TRY_SPARED
        assert key.authenticator.uv_retries == 1


async def test_after_any_failure_the_tries_are_asked_for(rig: Any) -> None:
    async with rig() as r:
        door, key, credential_id = await enrolled(r)
        for _ in range(2):
            await key.touch()
            await door.touch(key, credential_id)
        door.heard()
        await key.decline()
        await door.touch(key, credential_id)
        assert "retries" not in door.heard()
        await key.touch()
        await door.touch(key, credential_id)
        assert door.heard() == ["retries", *WITH_TOKEN]


async def test_a_key_that_was_reset_is_asked_anew(rig: Any) -> None:
    async with rig() as r:
        door, key, credential_id = await enrolled(r)
        await key.touch()
        await door.touch(key, credential_id)
        key.authenticator.reset()
        await key.touch()
        outcome = await door.touch(key, credential_id)
        assert outcome.reason is DenialReason.KEY_WITHOUT_CREDENTIAL
        door.heard()
        await key.touch()
        await door.touch(key, credential_id)
        assert door.heard()[0] == "info"


@pytest.mark.parametrize("model", [PLAIN, TOKENS])
async def test_the_challenge_ends_the_wait_for_a_finger(
    rig: Any, model: KeyModel
) -> None:
    async with rig() as r:
        door, key, credential_id = await enrolled(r, model)
        started_ms = r.clock.now().up_ms
        outcome = await door.touch(key, credential_id)
        assert outcome.reason is DenialReason.NO_TOUCH
        waited_ms = r.clock.now().up_ms - started_ms
        assert door.challenge_ms <= waited_ms <= door.challenge_ms + 1_000
        assert not (await key.state()).blinking


async def test_a_finger_after_the_challenge_opens_nothing(rig: Any) -> None:
    """The key ignores CANCEL: its token comes when the challenge has expired."""
    async with rig() as r:
        door, key, credential_id = await enrolled(r)
        await key.misbehave(Misbehaviour.IGNORES_CANCEL)
        await key.touch(after_ms=door.challenge_ms + 500)
        outcome = await door.touch(key, credential_id)
        assert outcome.reason is DenialReason.NO_TOUCH
        assert door.heard()[-1] == "token"
        assert door.strike.releases == 0


async def test_an_unverified_answer_opens_nothing_token_or_not(rig: Any) -> None:
    async with rig() as r:
        door, key, credential_id = await enrolled(r)
        await key.misbehave(Misbehaviour.UV_NOT_SET)
        await key.touch()
        outcome = await door.touch(key, credential_id)
        assert outcome.reason is DenialReason.USER_NOT_VERIFIED
        assert door.strike.releases == 0


async def test_a_wrong_finger_in_the_ceremony_has_its_word(rig: Any) -> None:
    async with rig() as r:
        door = UvDoor(r.clock, r.radio, r.place)
        key = await r.place.add_key("a", TOKENS)
        await r.pair(key)
        await key.wrong_finger()
        await key.present()
        link = await r.radio.connect(PeerAddress(key.address))
        with pytest.raises(AuthenticatorError) as refused:
            await door.maker.create(link, HOLDER, ())
        failure = failure_of(refused.value).failure
        assert failure is EnrolmentFailure.FINGER_NOT_RECOGNISED
        await link.close()


async def test_known_keys_are_few_and_forgotten_for_reasons_of_their_own(
    rig: Any,
) -> None:
    async with rig() as r:
        door, key, _ = await enrolled(r)
        await key.present()
        link = await door.overheard.connect(PeerAddress(key.address))
        known = KnownKeys(r.clock, keys_max=2)
        ids = [CredentialId(bytes([n]) * 32) for n in range(3)]

        async def is_asked(n: int) -> bool:
            door.heard()
            assert (await known.info(link, ids[n])).issues_uv_tokens
            return door.heard() == ["info"]

        assert [await is_asked(n) for n in (0, 1, 0, 2)] == [True, True, False, True]
        assert [await is_asked(n) for n in (0, 1)] == [False, True]
        for status in (CtapStatus.UV_INVALID, CtapStatus.USER_ACTION_TIMEOUT):
            known.refused(ids[1], authenticator_error(status))
            assert not await is_asked(1)
        for status in (CtapStatus.NOT_ALLOWED, CtapStatus.PIN_AUTH_INVALID):
            known.refused(ids[1], authenticator_error(status))
            assert await is_asked(1)
        await link.close()


async def test_nothing_is_asked_when_the_time_is_over(rig: Any) -> None:
    async with rig() as r:
        door, key, _ = await enrolled(r)
        await key.present()
        link = await door.overheard.connect(PeerAddress(key.address))
        door.heard()
        with pytest.raises(LinkTimeoutError):
            await converse(link, r.clock, b"\x04", r.clock.now().up_ms)
        assert door.heard() == []
        await link.close()
