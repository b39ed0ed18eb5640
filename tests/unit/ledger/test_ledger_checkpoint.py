import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.checkpoint import (
    COSIGNATURE,
    Checkpoint,
    VerifierKey,
    check_origin,
    cosign,
    is_signed,
    parse_note,
    parse_vkey,
    sign_checkpoint,
    signed_at,
    verify_signature,
)
from ledger.errors import NoteError, SignatureError
from ledger.keys import SigningKey

P = 2**255 - 19
KEY = SigningKey.from_seed(bytes(32))
WITNESS = SigningKey.from_seed(bytes([1]) * 32)
CHECKPOINT = Checkpoint("example.com/door", 3, bytes(range(32)))
NOTE = sign_checkpoint(CHECKPOINT, KEY.public, KEY.sign)

# https://c2sp.org/signed-note, the example of the specification.
SPEC_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1"
    "Yu72IneyaQM=\n"
)


def test_the_example_of_the_specification_verifies() -> None:
    key = parse_vkey(SPEC_VKEY)
    assert str(key) == SPEC_VKEY
    note = parse_note(SPEC_NOTE)
    assert is_signed(note, key)
    with pytest.raises(NoteError):
        _ = note.checkpoint


def test_a_checkpoint_goes_through_its_note() -> None:
    note = parse_note(NOTE)
    assert note.checkpoint == CHECKPOINT
    assert is_signed(note, KEY.vkey("example.com/door"))
    assert not is_signed(note, WITNESS.vkey("example.com/door"))


def test_a_witness_signs_the_time_too() -> None:
    note = parse_note(NOTE)
    line = cosign(note, "witness.example", WITNESS.public, WITNESS.sign, 1_790_000_000)
    key = VerifierKey("witness.example", COSIGNATURE, WITNESS.public)
    both = parse_note(NOTE + line)
    assert signed_at(both, key) == 1_790_000_000
    assert signed_at(note, key) is None
    later = cosign(note, "witness.example", WITNESS.public, WITNESS.sign, 1)
    stolen = line.split(" ")[2][:12] + later.split(" ")[2][12:]
    with pytest.raises(SignatureError):
        signed_at(parse_note(NOTE + f"\u2014 witness.example {stolen}"), key)


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 127))
def test_a_changed_character_is_noticed(at: int, flip: int) -> None:
    text = NOTE[:at] + chr(ord(NOTE[at]) ^ flip) + NOTE[at + 1 :]
    try:
        note = parse_note(text)
        same = note.checkpoint == CHECKPOINT
        signed = is_signed(note, KEY.vkey("example.com/door"))
    except NoteError:
        return
    assert not (same and signed)


@given(st.text(max_size=200))
def test_rubbish_is_refused_by_name(text: str) -> None:
    for parse in (parse_note, parse_vkey):
        with pytest.raises(NoteError):
            parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 20_000,
        NOTE.rstrip("\n"),
        NOTE.replace("\u2014 ", "- "),
        NOTE.replace("example.com/door ", "example.com/door"),
        NOTE.replace("\u2014 example.com/door", "\u2014 "),
        "a\n\n\u2014 example.com/door AAAA\n",
        "a\n\n\u2014 example.com/door AAB=\n",
    ],
)
def test_malformed_notes_are_refused(text: str) -> None:
    with pytest.raises(NoteError):
        parse_note(text)


@pytest.mark.parametrize(
    "body",
    ["o\n03\nAA==\n", "o\n3\nAA==\n", "o\n3\nA\n", "o o\n3\n" + "A" * 43 + "=\n"],
)
def test_texts_that_are_no_checkpoint_are_refused(body: str) -> None:
    tail = NOTE.rpartition("\n\n")[2]
    with pytest.raises(NoteError):
        _ = parse_note(f"{body}\n{tail}").checkpoint


def test_verifier_keys_of_another_shape_are_refused() -> None:
    name, keyid, key = SPEC_VKEY.split("+", 2)
    for text in (
        f"{name}+00000000+{key}",
        f"{name}+{keyid}",
        f"{name}+{keyid}+AAAA",
        "a+b+*",
    ):
        with pytest.raises(NoteError):
            parse_vkey(text)


@pytest.mark.parametrize("name", ["", "7", "a b", "a+b", "é", "a" * 129])
def test_names_that_a_note_cannot_carry_are_refused(name: str) -> None:
    with pytest.raises(NoteError):
        check_origin(name)


def low(y: int, sign: int = 0) -> bytes:
    return (y | sign << 255).to_bytes(32, "little")


@pytest.mark.parametrize(
    "public",
    [low(y, sign) for y in (0, 1, P - 1, P, P + 1) for sign in (0, 1) if y or sign],
)
def test_a_key_that_is_nobodys_signs_nothing(public: bytes) -> None:
    """Under y = 1 any s with R = sB verifies; beyond p, libraries differ."""
    r_of_5 = "edc876d6831fd2105d0b4389ca2e283166469289146e2ce06faefe98b22548df"
    signature = bytes.fromhex(r_of_5) + (5).to_bytes(32, "little")
    key = VerifierKey("example.com/door", 1, public)
    with pytest.raises(SignatureError):
        verify_signature(key, signature, b"anything")
