"""Trials of keys, byte by byte, and what a challenge is bound to. Pure."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from gateway.client import printable
from gateway.schemas import Credential, Status
from gateway.schemas.trials import Trial

HEAD: Final = ("KEY", "HOLDER", "MODEL", "STATE")
NO_KEY: Final = (
    "No key is enrolled yet. Press 3 to enrol one; then it can be tried here."
)
CHOOSE: Final = (
    "Choose a key and press t: it is asked as for a door, and opens nothing."
)
KEY_CHARS: Final = 16
WORD_CHARS: Final = 22
LABEL_CHARS: Final = 14
EXAMPLE_MS: Final = 60_000
EXAMPLE_LIFE_MS: Final = 15_000
PREFIX: Final = "keyra/challenge/v1"
"""Before the binding when it is hashed, and a zero byte behind it."""

PURPOSES: Final[Mapping[str, str]] = {
    "door.unlock": "open this door; names the key",
    "admin.order": "sign an order; names the key and the order's hash",
    "enrol": "make a new credential; names its holder",
    "enrol.proof": "show that the new key works; names the key",
    "trial": "try a key; nothing follows; names the key",
}
_US_PER_MS: Final = 1000


def advice(keys: int, keys_max: int) -> str:
    """Say what to do, by how many keys are listed and how many may be."""
    if not keys:
        return NO_KEY
    if keys == keys_max:
        return f"The first {keys} keys; `keyra trial ID` tries any other. {CHOOSE}"
    return CHOOSE


def row(key: Credential) -> tuple[str, ...]:
    """Lay a key out in the columns of HEAD."""
    model = printable(key.model)[:WORD_CHARS]
    holder = printable(key.holder_id)[:WORD_CHARS]
    return (printable(key.id)[:KEY_CHARS], holder, model, key.state)


def told(trial: Trial) -> str:
    """Write out how a trial stands: state, times, flags, bytes."""
    rows = [
        ("state", f"{printable(trial.state).upper()}  {_why(trial)}".strip()),
        ("next", printable(trial.hint)),
        ("holder", printable(trial.holder_id)),
    ]
    rows += [
        (printable(stage), f"{us / _US_PER_MS:.1f} ms")
        for stage, us in trial.stages_us.items()
    ]
    for word, flag in (
        ("UP, present", trial.user_present),
        ("UV, finger", trial.user_verified),
    ):
        if flag is not None:
            rows.append((word, "yes" if flag else "NO"))
    if trial.counter is not None:
        rows.append(("counter", str(trial.counter)))
    rows += [
        (word, printable(value))
        for word, value in (
            ("challenge", trial.challenge),
            ("client data", trial.client_data_json),
            ("request", trial.request),
            ("auth. data", trial.authenticator_data),
            ("signature", trial.signature),
        )
        if value
    ]
    return "\n".join(f"{word:<{LABEL_CHARS}}{value}" for word, value in rows)


def _why(trial: Trial) -> str:
    return f"({printable(trial.reason)})" if trial.reason else ""


def examples(status: Status | None) -> str:
    """Say what the challenge for each action is bound to, with one to recompute."""
    lines = ["What a key is asked to sign, by what its touch is for:", ""]
    lines += [f"  {word:<{LABEL_CHARS}}{said}" for word, said in PURPOSES.items()]
    if status is None:
        return "\n".join(lines)
    bound = example(status)
    digest = sha256(PREFIX.encode() + b"\0" + bound).hexdigest()
    lines += [
        "",
        "An example for this door, with a nonce of zeros:",
        "",
        printable(bound.decode()),
        "",
        f'challenge = SHA-256("{PREFIX}\\0" and these bytes)',
        digest,
    ]
    return "\n".join(lines)


def example(status: Status) -> bytes:
    """Return the canonical binding of a challenge that opens this door."""
    return json.dumps(
        {
            "credential": bytes(32).hex(),
            "door": status.door.id,
            "expires": EXAMPLE_MS + EXAMPLE_LIFE_MS,
            "gateway": status.gateway,
            "issued": EXAMPLE_MS,
            "nonce": "A" * 43,
            "purpose": "door.unlock",
            "site": status.site,
            "v": 1,
        },
        separators=(",", ":"),
        sort_keys=True,
    ).encode()
