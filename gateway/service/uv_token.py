"""What a key said of itself, and the verification that some keys want beforehand.

A key that issues tokens verifies its user for a token (CTAP 2.2 §6.5.5.7.3); what goes
with the request is the token's proof. Every other key verifies as it answers, by the
option `uv`. Neither way knows a PIN.
"""

from collections import OrderedDict
from typing import Final

from gateway.core.challenge import Challenge
from gateway.core.ids import CredentialId
from gateway.ctap.command import CtapCommand, PinUvAuth, get_info
from gateway.ctap.pin_uv import (
    ENTROPY_BYTES,
    KeyAgreement,
    Permission,
    get_key_agreement,
    get_uv_retries,
    parse_uv_retries,
)
from gateway.ctap.response import Info, parse_response
from gateway.ctap.status import CtapStatus
from gateway.errors import AuthenticatorError
from gateway.ports import Clock, Entropy, Link
from gateway.service.conversation import OnKeepalive, converse, unheard

SHORT_EXCHANGE_MS_MAX: Final = 2_000
KNOWN_KEYS_MAX: Final = 1_024

# What a person did, or did not do; any other refusal may come from a changed key.
_BY_PERSON: Final = frozenset(
    {
        CtapStatus.UV_INVALID,
        CtapStatus.UV_BLOCKED,
        CtapStatus.PIN_BLOCKED,
        CtapStatus.OPERATION_DENIED,
        CtapStatus.USER_ACTION_TIMEOUT,
        CtapStatus.ACTION_TIMEOUT,
        CtapStatus.KEEPALIVE_CANCEL,
    }
)


async def ask_info(link: Link, clock: Clock) -> Info:
    """Ask a key what it can do.

    Raises:
        LinkError, WireError, AuthenticatorError: the key or its link failed.
    """
    deadline_ms = clock.now().up_ms + SHORT_EXCHANGE_MS_MAX
    payload = await converse(link, clock, get_info(), deadline_ms)
    return parse_response(CtapCommand.GET_INFO, payload)


async def ask_uv_retries(link: Link, clock: Clock, info: Info) -> int | None:
    """Ask how many verifications may fail yet; None where the key does not tell.

    Raises:
        LinkError, WireError: the key or its link failed.
    """
    if info.pin_uv_protocol is None:
        return None
    deadline_ms = clock.now().up_ms + SHORT_EXCHANGE_MS_MAX
    request = get_uv_retries(info.pin_uv_protocol)
    try:
        return parse_uv_retries(await converse(link, clock, request, deadline_ms))
    except AuthenticatorError:  # keys older than CTAP 2.1 lack the subcommand
        return None


async def obtain_proof(
    link: Link,
    clock: Clock,
    entropy: Entropy,
    *,
    info: Info,
    permission: Permission,
    challenge: Challenge,
    on_keepalive: OnKeepalive = unheard,
) -> PinUvAuth | None:
    """Have the key verify its user for this challenge, if it issues tokens.

    The finger answers the challenge: it is asked for after that was issued, and not
    after it has expired. A further touch may follow with the request (§6.2.2 step 9).

    Returns:
        What goes with the request, or None for a key that verifies as it answers.

    Raises:
        LinkError, WireError, AuthenticatorError: the key or its link failed.
    """
    protocol = info.pin_uv_protocol
    if protocol is None or not info.issues_uv_tokens:
        return None
    due_ms = challenge.expires_ms
    agreement = KeyAgreement(
        protocol,
        entropy.token(ENTROPY_BYTES),
        await converse(link, clock, get_key_agreement(protocol), due_ms),
    )
    request = agreement.get_token(permission, challenge.rp_id)
    payload = await converse(link, clock, request, due_ms, on_keepalive)
    return agreement.open_token(payload).prove(challenge.client_data_hash)


class KnownKeys:
    """What bonded keys said of themselves, so that a touch need not ask again.

    By credential: a key that is enrolled anew has another. Bounded: the one that has
    not been used for the longest time gives way.
    """

    def __init__(self, clock: Clock, keys_max: int = KNOWN_KEYS_MAX) -> None:
        """Know none yet."""
        self._clock: Final = clock
        self._keys_max: Final = keys_max
        self._infos: Final[OrderedDict[CredentialId, Info]] = OrderedDict()

    async def info(self, link: Link, credential_id: CredentialId) -> Info:
        """Return what the key of this credential can do, asking it if need be.

        Raises:
            LinkError, WireError, AuthenticatorError: the key or its link failed.
        """
        info = self._infos.get(credential_id)
        if info is None:
            info = await ask_info(link, self._clock)
        self._infos[credential_id] = info
        self._infos.move_to_end(credential_id)
        while len(self._infos) > self._keys_max:
            self._infos.popitem(last=False)
        return info

    def refused(self, credential_id: CredentialId, error: AuthenticatorError) -> None:
        """Forget what a key said that refused for a reason of its own."""
        if error.status not in _BY_PERSON:
            self._infos.pop(credential_id, None)
