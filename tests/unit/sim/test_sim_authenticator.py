import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.webauthn import AuthenticatorData
from hypothesis import given
from hypothesis import strategies as st

from gateway.ctap import cbor
from gateway.ctap.command import (
    CtapCommand,
    Protocol,
    RelyingParty,
    UserEntity,
    get_assertion,
    get_info,
    make_credential,
)
from gateway.ctap.pin_uv import get_uv_retries, parse_uv_retries
from gateway.ctap.response import Assertion, MadeCredential, parse_response
from gateway.ctap.status import CtapStatus
from gateway.errors import MessageError
from gateway.sim.attestation_ca import AttestationChain, attestation_chain
from gateway.sim.authenticator import (
    ALG_EDDSA,
    REQUEST_BYTES_MAX,
    UV_RETRIES_MAX,
    AttestationStyle,
    Authenticator,
    Finger,
)
from gateway.sim.entropy import SeededEntropy
from gateway.sim.misbehaviour import Misbehaviour
from gateway.sim.place import MADE_FROM, MADE_UNTIL

RP_ID = "site.example"
HASH = b"c" * 32
CHAIN = attestation_chain(1, MADE_FROM, MADE_UNTIL)


def making(
    exclude: list[bytes] | None = None, algorithms: tuple[int, ...] = (-7,)
) -> bytes:
    return make_credential(
        client_data_hash=HASH,
        rp=RelyingParty(RP_ID, "Site"),
        user=UserEntity(b"user", "n", "d"),
        algorithms=algorithms,
        exclude=exclude or [],
    )


def asking(credential_id: bytes, rp_id: str = RP_ID) -> bytes:
    return get_assertion(
        rp_id=rp_id, client_data_hash=HASH, credential_id=credential_id
    )


def done(key: Authenticator, request: bytes, finger: Finger = Finger.RIGHT) -> bytes:
    assert key.begin(request) is None
    assert key.waiting
    return key.act(finger)


def enrolled(key: Authenticator) -> MadeCredential:
    return parse_response(CtapCommand.MAKE_CREDENTIAL, done(key, making()))


def id_of(made: MadeCredential) -> bytes:
    credential = AuthenticatorData(made.auth_data).credential_data
    assert credential is not None
    return credential.credential_id


def answered(key: Authenticator, credential_id: bytes) -> Assertion:
    answer = done(key, asking(credential_id))
    return parse_response(CtapCommand.GET_ASSERTION, answer)


@pytest.fixture
def key(chain: AttestationChain) -> Authenticator:
    return Authenticator(chain, SeededEntropy(1, "key"))


def test_get_info_needs_no_finger(key: Authenticator) -> None:
    payload = key.begin(get_info())
    assert payload is not None
    info = parse_response(CtapCommand.GET_INFO, payload)
    assert info.verifies_users
    assert not info.issues_uv_tokens
    assert info.aaguid == CHAIN.aaguid
    assert info.request_bytes_max == REQUEST_BYTES_MAX


def test_a_credential_is_attested_by_the_batch_leaf(key: Authenticator) -> None:
    made = enrolled(key)
    statement = made.attestation_statement
    assert made.fmt == "packed"
    assert statement["x5c"] == CHAIN.x5c
    CHAIN.leaf.key.public_key().verify(
        statement["sig"], made.auth_data + HASH, ec.ECDSA(hashes.SHA256())
    )
    assert AuthenticatorData(made.auth_data).is_user_verified()


@pytest.mark.parametrize(
    ("style", "fmt", "members"),
    [
        (AttestationStyle.NONE, "none", set()),
        (AttestationStyle.PACKED_SELF, "packed", {"alg", "sig"}),
    ],
)
def test_other_attestation_styles(
    style: AttestationStyle, fmt: str, members: set[str]
) -> None:
    made = enrolled(Authenticator(CHAIN, SeededEntropy(1), style=style))
    assert (made.fmt, set(made.attestation_statement)) == (fmt, members)


@pytest.mark.parametrize("algorithm", [-7, ALG_EDDSA])
def test_an_answer_verifies_and_the_counter_rises(algorithm: int) -> None:
    key = Authenticator(CHAIN, SeededEntropy(1), algorithm=algorithm)
    made = parse_response(
        CtapCommand.MAKE_CREDENTIAL, done(key, making(algorithms=(algorithm,)))
    )
    credential = AuthenticatorData(made.auth_data).credential_data
    assert credential is not None
    counters = []
    for _ in range(3):
        answer = answered(key, credential.credential_id)
        credential.public_key.verify(answer.auth_data + HASH, answer.signature)
        counters.append(AuthenticatorData(answer.auth_data).counter)
    assert counters == [2, 3, 4]


def test_a_seed_decides_credentials_and_signatures() -> None:
    answers = []
    for _ in range(2):
        key = Authenticator(CHAIN, SeededEntropy(9, "twin"))
        answers.append(answered(key, id_of(enrolled(key))))
    assert answers[0] == answers[1]


def test_a_key_without_a_counter_stays_at_zero() -> None:
    key = Authenticator(CHAIN, SeededEntropy(1), counts=False)
    answer = answered(key, id_of(enrolled(key)))
    assert AuthenticatorData(answer.auth_data).counter == 0


def test_wrong_fingers_use_up_the_tries_and_a_right_one_gives_them_back(
    key: Authenticator,
) -> None:
    credential_id = id_of(enrolled(key))
    for left in range(UV_RETRIES_MAX - 1, 0, -1):
        answer = done(key, asking(credential_id), Finger.WRONG)
        assert answer == bytes((CtapStatus.UV_INVALID,))
        assert key.uv_retries == left
        retries = key.begin(get_uv_retries(Protocol.TWO))
        assert retries is not None
        assert parse_uv_retries(retries) == left
    assert done(key, asking(credential_id))[0] == CtapStatus.OK
    assert key.uv_retries == UV_RETRIES_MAX


def test_a_blocked_key_asks_for_no_finger(key: Authenticator) -> None:
    credential_id = id_of(enrolled(key))
    answers = [
        done(key, asking(credential_id), Finger.WRONG) for _ in range(UV_RETRIES_MAX)
    ]
    assert answers[-1] == bytes((CtapStatus.UV_BLOCKED,))
    assert key.begin(asking(credential_id)) == bytes((CtapStatus.UV_BLOCKED,))


def test_each_refusal_has_its_status(key: Authenticator) -> None:
    credential_id = id_of(enrolled(key))
    assert done(key, asking(b"n" * 32)) == bytes((CtapStatus.NO_CREDENTIALS,))
    assert done(key, asking(credential_id, "other.example")) == bytes(
        (CtapStatus.NO_CREDENTIALS,)
    )
    assert done(key, asking(credential_id), Finger.DECLINE) == bytes(
        (CtapStatus.OPERATION_DENIED,)
    )
    assert done(key, making([credential_id])) == bytes(
        (CtapStatus.CREDENTIAL_EXCLUDED,)
    )
    assert key.begin(making(algorithms=(-257,))) == bytes(
        (CtapStatus.UNSUPPORTED_ALGORITHM,)
    )
    assert key.act(Finger.RIGHT) == bytes((CtapStatus.NO_OPERATIONS,))
    assert key.begin(b"") == bytes((CtapStatus.INVALID_LENGTH,))
    assert key.begin(b"\x7e") == bytes((CtapStatus.INVALID_COMMAND,))
    assert key.begin(b"\x02\xff") == bytes((CtapStatus.INVALID_CBOR,))
    assert key.begin(b"\x02" + cbor.encode({1: RP_ID})) == bytes(
        (CtapStatus.MISSING_PARAMETER,)
    )
    assert key.begin(b"\x02" + cbor.encode({1: 1, 2: HASH})) == bytes(
        (CtapStatus.CBOR_UNEXPECTED_TYPE,)
    )
    assert key.begin(b"\x02" + cbor.encode({1: RP_ID, 2: HASH})) == bytes(
        (CtapStatus.PUAT_REQUIRED,)
    )
    assert key.begin(b"\x06" + cbor.encode({1: 2, 2: 9})) == bytes(
        (CtapStatus.INVALID_SUBCOMMAND,)
    )


def test_a_waiting_request_ends_by_cancel_and_by_time(key: Authenticator) -> None:
    key.begin(making())
    assert key.cancel() == bytes((CtapStatus.KEEPALIVE_CANCEL,))
    assert not key.waiting
    key.begin(making())
    assert key.time_out() == bytes((CtapStatus.USER_ACTION_TIMEOUT,))
    assert not key.waiting
    assert not key.credentials


def test_a_reset_key_has_no_credential(key: Authenticator) -> None:
    credential_id = id_of(enrolled(key))
    key.reset()
    assert done(key, asking(credential_id)) == bytes((CtapStatus.NO_CREDENTIALS,))


def test_each_misbehaviour_shows_in_the_answer(key: Authenticator) -> None:
    made = enrolled(key)
    credential = AuthenticatorData(made.auth_data).credential_data
    assert credential is not None

    def with_(*ways: Misbehaviour) -> Assertion:
        key.misbehaviour.clear()
        key.misbehaviour.update(ways)
        return answered(key, credential.credential_id)

    def data(*ways: Misbehaviour) -> AuthenticatorData:
        return AuthenticatorData(with_(*ways).auth_data)

    honest = with_()
    assert not data(Misbehaviour.UV_NOT_SET).is_user_verified()
    assert not data(Misbehaviour.UP_NOT_SET).is_user_present()
    before = data().counter
    assert data(Misbehaviour.COUNTER_STUCK).counter == before
    assert data(Misbehaviour.COUNTER_BACK).counter < before
    assert data(Misbehaviour.FOREIGN_RP_ID).rp_id_hash != data().rp_id_hash
    stranger = with_(Misbehaviour.WRONG_CREDENTIAL)
    assert stranger.credential_id != credential.credential_id
    last = with_()
    assert with_(Misbehaviour.STALE_ANSWER) == last
    assert last != honest
    spoilt = with_(Misbehaviour.BAD_SIGNATURE)
    with pytest.raises(InvalidSignature):
        credential.public_key.verify(spoilt.auth_data + HASH, spoilt.signature)
    for way in (Misbehaviour.NONCANONICAL_CBOR, Misbehaviour.TRUNCATED_CBOR):
        with pytest.raises(MessageError):
            with_(way)


@given(st.binary(max_size=200))
def test_rubbish_is_always_a_status(rubbish: bytes) -> None:
    key = Authenticator(CHAIN, SeededEntropy(1))
    answer = key.begin(rubbish)
    if answer is None:
        answer = key.act(Finger.RIGHT)
    assert answer
    assert CtapStatus(answer[0]) is not None


@given(
    st.sampled_from([1, 2, 6]),
    st.dictionaries(
        st.integers(1, 9),
        st.recursive(
            st.one_of(st.binary(max_size=8), st.text(max_size=8), st.integers(-9, 9)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=2),
                st.dictionaries(st.sampled_from(["id", "alg", "uv"]), inner),
            ),
            max_leaves=4,
        ),
    ),
)
def test_ill_typed_requests_are_always_a_status(command: int, members: object) -> None:
    key = Authenticator(CHAIN, SeededEntropy(1))
    request = bytes((command,)) + cbor.encode(members)  # type: ignore[arg-type]
    answer = key.begin(request)
    if answer is None:
        answer = key.act(Finger.RIGHT)
    assert CtapStatus(answer[0]) is not None
