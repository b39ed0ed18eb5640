"""What stands in an entry: one function for each kind of docs/entries.md.

Nothing here names a person, and text from outside is cut and cleaned before it is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from gateway.core.assertion import Verified
from gateway.core.challenge import Challenge, Place
from gateway.core.denial import Deny, SignedAnswer
from gateway.core.encoding import Json, to_base64url
from gateway.core.facts import CredentialState, Mode
from gateway.core.ids import CredentialId, DoorId, HolderId
from gateway.core.orders import Order, Why
from gateway.core.passages import moment_row
from gateway.core.policy import Grant
from gateway.core.registry import Credential, Holder, RegistrySnapshot

TEXT_CHARS_MAX: Final = 200

By: TypeAlias = Mapping[str, Json]
"""Who ordered a change."""

BY_GATEWAY: Final[By] = {"gateway": True}


@dataclass(frozen=True, slots=True)
class Record:
    """An entry's kind and content; the ledger adds the envelope."""

    ev: str
    what: Mapping[str, Json]


HIDDEN: Final = frozenset({"duress"})
"""Members that stand in the ledger alone: who coerces may be watching a screen."""


def shown(record: Record) -> dict[str, Json]:
    """Return what events may tell of an entry."""
    return {name: value for name, value in record.what.items() if name not in HIDDEN}


def by_uid(uid: int) -> By:
    """Name the local user whom the kernel saw at the socket."""
    return {"uid": uid}


def by_credential(credential_id: CredentialId) -> By:
    """Name the administrator whose key signed the order."""
    return {"credential": to_base64url(credential_id)}


def boot_record(version: str, place: Place) -> Record:
    """Say that the gateway started."""
    return Record(
        "boot",
        {
            "door": place.door,
            "gateway": place.gateway,
            "site": place.site,
            "version": plain(version),
        },
    )


def stop_record(why: str) -> Record:
    """Say that an orderly stop began."""
    return Record("stop", {"why": plain(why)})


@dataclass(frozen=True, slots=True)
class ConfigFacts:
    """What of the config a stranger needs to check an enrolment or an opening.

    Attributes:
        sha256: of the whole file, 64 hex digits.
        pairing: which pairing methods the site accepts, a stable word.
        aaguids: the models that may enrol, 16 bytes each.
        trust: root certificates, DER.
        door_name: what people call the door; empty for none.
    """

    sha256: str
    pairing: str
    aaguids: tuple[bytes, ...]
    trust: tuple[bytes, ...]
    door_name: str = ""


def config_record(place: Place, facts: ConfigFacts) -> Record:
    """Say by what the gateway judges."""
    what: dict[str, Json] = {
        "aaguids": [to_base64url(aaguid) for aaguid in facts.aaguids],
        "door": place.door,
        "origin": place.origin,
        "pairing": facts.pairing,
        "rp_id": place.rp_id,
        "sha256": facts.sha256,
        "trust": [to_base64url(root) for root in facts.trust],
    }
    if facts.door_name:
        what["door_name"] = plain(facts.door_name)
    return Record("config", what)


def clock_record(why: str, step_ms: int = 0) -> Record:
    """Say that the wall clock changed its mind: sync-gained, sync-lost or step."""
    return Record("clock", {"step_ms": step_ms, "why": why})


def holder_record(holder: Holder, by: By) -> Record:
    """Say all about a holder, new or changed."""
    return Record("holder", {**holder.row(), "by": by})


def erase_record(holder_id: HolderId, by: By) -> Record:
    """Say that no opening of the holder's commitments is kept from now on."""
    return Record("erase", {"by": by, "holder": holder_id})


def enrol_record(
    credential: Credential,
    by: By,
    pairing: str,
    creation: Challenge,
    attestation_object: bytes,
    proof: Verified,
    replaces: CredentialId | None = None,
) -> Record:
    """Say that a credential is registered, with the evidence for it.

    Args:
        credential: as it is registered; its counter is the proof's.
        by: who ordered it.
        pairing: how the key was paired, as Bond.method says.
        creation: the question that the attestation answers.
        attestation_object: as the key gave it.
        proof: the second touch, under the new credential.
        replaces: the lost key in whose place it comes.
    """
    what = dict(credential.row())
    del what["state"]
    if replaces is not None:
        what["replaces"] = to_base64url(replaces)
    evidence: dict[str, Json] = {
        "attestationObject": to_base64url(attestation_object),
        "binding": creation.binding.members(),
        "clientDataJSON": to_base64url(creation.client_data_json),
    }
    return Record(
        "enrol",
        {
            **what,
            "by": by,
            "evidence": evidence,
            "pairing": pairing,
            "proof": evidence_members(proof.answer),
        },
    )


def credential_state_record(
    credential_id: CredentialId, state: CredentialState, reason: str, by: By
) -> Record:
    """Say that a credential is suspended, resumed (active) or revoked, and why."""
    return Record(
        "credential.state",
        {
            "by": by,
            "credential": to_base64url(credential_id),
            "reason": plain(reason),
            "state": state.value,
        },
    )


def registry_record(snapshot: RegistrySnapshot) -> Record:
    """Vouch for a snapshot of the registry."""
    return Record(
        "registry",
        {
            "digest": snapshot.digest(),
            "entries": snapshot.entries,
            "rows": snapshot.rows,
        },
    )


def grant_record(grant: Grant) -> Record:
    """Say that the door will be released, by whom, and prove it."""
    verified = grant.verified
    what: dict[str, Json] = {
        "counter": verified.counter,
        "credential": to_base64url(verified.credential_id),
        "decided": moment_row(grant.decided),
        "door": grant.door,
        "evidence": evidence_members(verified.answer),
        "holder": verified.holder_id,
        "purpose": verified.purpose.value,
        "release_ms": grant.release_ms,
        "rule": {
            "group": grant.rule.group,
            "schedule": grant.rule.schedule,
            "time_trusted": grant.time_trusted,
        },
    }
    if grant.touches:
        what["touches"] = grant.touches
    if grant.passed_again:
        what["passed_again"] = True
    if grant.duress_route is not None:
        what["duress"] = grant.duress_route
    return Record("door.grant", what)


def deny_record(deny: Deny) -> Record:
    """Say that the door stays as it is, and why."""
    what: dict[str, Json] = {"door": deny.door, "reason": deny.reason.value}
    if deny.credential_id is not None:
        what["credential"] = to_base64url(deny.credential_id)
    if deny.holder_id is not None:
        what["holder"] = deny.holder_id
    if deny.counter is not None:
        what["counter"] = deny.counter
    if deny.answer is not None:
        what["evidence"] = evidence_members(deny.answer)
    if deny.decided is not None:
        what["decided"] = moment_row(deny.decided)
    return Record("door.deny", what)


def strangers_record(
    door: DoorId, addresses: int, adverts: int, seconds: int
) -> Record:
    """Sum up the adverts of keys that are not enrolled here."""
    return Record(
        "door.strangers",
        {"addresses": addresses, "adverts": adverts, "door": door, "seconds": seconds},
    )


def missed_record(door: DoorId, reasons: Mapping[str, int]) -> Record:
    """Sum up, by reason, what could not be written while the ledger failed."""
    return Record(
        "door.missed",
        {"count": sum(reasons.values()), "door": door, "reasons": dict(reasons)},
    )


def exit_record(door: DoorId) -> Record:
    """Say that somebody asked to get out."""
    return Record("door.exit", {"door": door})


def opened_record(door: DoorId, after: str) -> Record:
    """Say that the door was opened, after a grant, an exit or the gateway's start."""
    return Record("door.opened", {"after": after, "door": door})


def closed_record(door: DoorId) -> Record:
    """Say that the door was closed."""
    return Record("door.closed", {"door": door})


def unused_record(door: DoorId, entry: int) -> Record:
    """Say that nobody opened after the grant of that entry."""
    return Record("door.unused", {"door": door, "entry": entry})


def forced_record(door: DoorId) -> Record:
    """Say that the door was opened without a release."""
    return Record("door.forced", {"door": door})


def held_record(door: DoorId, open_ms: int) -> Record:
    """Say that the door has stood open for too long."""
    return Record("door.held", {"door": door, "open_ms": open_ms})


def clear_record(door: DoorId, alarm: str) -> Record:
    """Say that an alarm of the door ended: forced or held."""
    return Record("door.clear", {"alarm": alarm, "door": door})


def mode_record(door: DoorId, mode: Mode, by: By) -> Record:
    """Say that the door's mode was ordered."""
    return Record("door.mode", {"by": by, "door": door, "mode": mode.value})


def order_record(order: Order) -> Record:
    """Say that a mode was ordered, until when, and by whom or what."""
    kind = "door.mode" if order.why is Why.ORDER else "door.hold"
    return Record(kind, order.row())


def over_record(door: DoorId, mode: Mode, why: Why) -> Record:
    """Say that an order ended by itself, or the schedule's window did."""
    return Record("door.over", {"door": door, "mode": mode.value, "why": why.value})


def commissioned_record(
    door: DoorId, confirmed: Sequence[str], wiring: str, by: By
) -> Record:
    """Say what an installer confirmed, of which wiring."""
    return Record(
        "commissioned",
        {"by": by, "confirmed": list(confirmed), "door": door, "wiring": wiring},
    )


def self_test_record(
    door: DoorId, checks: Mapping[str, bool], by: By, *, passed: bool
) -> Record:
    """Say what the door found when it tried itself."""
    return Record(
        "self-test",
        {"by": by, "checks": dict(checks), "door": door, "passed": passed},
    )


def self_test_seen_record(door: DoorId, entry: int, by: By, *, moved: bool) -> Record:
    """Say what a person saw of the self-test of an entry."""
    return Record(
        "self-test.seen", {"by": by, "door": door, "entry": entry, "moved": moved}
    )


def input_record(door: DoorId, name: str, *, active: bool) -> Record:
    """Say that an input changed that has no entry of its own."""
    return Record("door.input", {"active": active, "door": door, "input": name})


def restored_record(entries: int, made_ms: int, seal: str) -> Record:
    """Say that the ledger was put back from a backup of `entries` entries.

    `seal` is what became of it: kept, computed, lost or none.
    """
    return Record("restored", {"entries": entries, "made_ms": made_ms, "seal": seal})


def alarm_record(kind: str, detail: str) -> Record:
    """Say what is wrong with the gateway itself."""
    return Record("alarm", {"detail": plain(detail), "kind": kind})


def evidence_members(answer: SignedAnswer) -> dict[str, Json]:
    """Return what a stranger needs to check an answer again."""
    return {
        "authenticatorData": to_base64url(answer.authenticator_data),
        "binding": answer.binding.members(),
        "clientDataJSON": to_base64url(answer.client_data_json),
        "signature": to_base64url(answer.signature),
    }


def plain(text: str) -> str:
    """Cut text from outside and replace what is not printable."""
    cut = text[:TEXT_CHARS_MAX]
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in cut
    )
