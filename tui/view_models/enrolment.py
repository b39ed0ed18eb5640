"""The enrolment ceremony in words: where it stands, and what to do next."""

from collections.abc import Mapping
from typing import Final

from gateway.client import printable
from gateway.schemas import Enrolment

FORGOTTEN: Final = (
    "The gateway was restarted, and the ceremony is over. People shows whether the key "
    "was registered; if it was not, begin again."
)
INTRODUCTION: Final = (
    "A holder gets a key. Say who it is, press enter, and follow the one sentence "
    "that says what to do next. Have key and holder at the door: from then on there "
    "is one minute. The pseudonym goes into the ledger for good, so let it name "
    "nobody; the name stays on this machine. Of somebody who is known, the pseudonym "
    "is enough."
)

STEPS: Final = (
    ("armed", "The key is put into pairing mode, close to the door"),
    ("pairing", "Key and gateway pair"),
    ("comparing", "You compare the number on the key with the one here"),
    ("creating", "First touch: the key makes a credential, and proves its model"),
    ("proving", "Second touch: the key proves that it works"),
    ("recording", "It is written down"),
)

ADVICE: Final[Mapping[str, str]] = {
    "window-ended": "Have key and holder ready, and begin anew; there is one minute.",
    "cancelled": "Begin anew when you are ready.",
    "pairing-refused": "Reset the key's pairing, as its maker says, and begin anew.",
    "number-refused": "Begin anew with the key alone near the door, and compare again.",
    "number-unanswered": (
        "Begin anew with somebody at the console: a yes on the key is half of it."
    ),
    "link-lost": "Hold the key closer to the door for the whole minute.",
    "wire-broken": "Update the key's firmware, or take another key.",
    "key-not-suitable": "Take a key with a fingerprint sensor of its own.",
    "key-already-enrolled": (
        "See People for whose it is; revoke it there, or take another key."
    ),
    "finger-not-recognised": "Clean finger and sensor, and begin anew.",
    "finger-blocked": "Unblock the sensor with the key's own app, then begin anew.",
    "no-touch": "Let the holder stand at the door with the key in hand, then begin.",
    "declined": "Ask the holder, and begin anew.",
    "key-error": "Restart the key and begin anew; if it stays, take another key.",
    "attestation-refused": (
        "Take a key of a model that this site admits; the reason says what was wrong."
    ),
    "clock-untrusted": "See Radio and health: the clock must be synchronised first.",
    "proof-refused": "Begin anew, and touch twice with the same key.",
    "registry-refused": "See People: holder or key has changed meanwhile.",
    "ledger-unavailable": "See Door and `keyra doctor`: the disk comes first.",
    "internal": "See `journalctl -u keyra-gateway`, then begin anew.",
}
"""What to do after each way of failing, by its stable word."""


def checklist(reached: str, *, failed: bool, done: bool) -> str:
    """Mark what is behind, what is under way, and what is to come.

    Args:
        reached: the last step that was reached, by its word.
        failed: it ended there.
        done: all of it went well.
    """
    words = [word for word, _ in STEPS]
    at = len(STEPS) if done else words.index(reached) if reached in words else 0
    lines = []
    for number, (_, what) in enumerate(STEPS):
        mark = "[x]" if number < at else "[ ]"
        if number == at:
            mark = "[!]" if failed else "[>]"
        lines.append(f"{mark} {number + 1}  {what}")
    return "\n".join(lines)


def next_step(now: Enrolment) -> str:
    """Say what to do next, one sentence; or how it ended."""
    hint = printable(now.hint)
    if now.step == "registered":
        model = printable(now.model or "The key")
        return (
            f"REGISTERED. {model} opens for {printable(now.holder_id)} from now on. "
            "Let them touch it once more: the door opens."
        )
    if now.step != "failed":
        return hint
    word, _, detail = (now.reason or "").partition("/")
    advice = ADVICE.get(word, "Begin anew.")
    why = f"{word}, {detail}" if detail else word
    return f"FAILED ({printable(why)}). {hint}\n{advice}"


def number(now: Enrolment) -> str:
    """Write the six digits to compare; nothing while there are none."""
    if now.step != "comparing" or now.number is None:
        return ""
    digits = f"{now.number:06}"
    return f"Does the key show   {digits[:3]} {digits[3:]}   ?"
