"""The whole exception tree of the gateway.

Every class has a stable `code` (for programs, logs and the API) and, where it can
end a process, an `exit_code`. The message is one sentence for a person: what, where,
what to do.

    KeyraError
    ├── ConfigError              a value in the config file is wrong         exit 78
    ├── HardwareMissingError     an adapter, a chip or a service is absent   exit 69
    ├── AlreadyRunningError      another gateway holds this state directory  exit 73
    ├── WireError                the peer broke CTAP over BLE
    │   ├── AdvertError          an advertisement is not a FIDO one
    │   ├── ServiceError         the peer's GATT service is not FIDO2's
    │   ├── FramingError         a fragment breaks CTAP 2.2 §11.4.4 or §11.4.10
    │   ├── MessageError         a message is not canonical CTAP2 CBOR
    │   └── PeerError            the peer answered with a BLE-level ERROR
    ├── AuthenticatorError       the key answered with a CTAP2 status other than 0
    ├── LinkError                the radio connection failed
    │   ├── LinkLostError        the peer went away
    │   ├── LinkTimeoutError     the peer is silent
    │   ├── ExchangeCancelledError  we cancelled, and no answer came
    │   ├── BondMissingError     one of the two sides lost the bond: an alarm
    │   └── PairingRefusedError  a person or the peer refused the pairing
    ├── EvidenceError            a grant, a position or a release is not what it claims
    ├── AttestationError         the key's model could not be proved
    ├── EnrolmentError           the ceremony ended without a credential
    ├── AdministrationError      an administrator's order was not signed or carried out
    │   ├── FingerNeededError    the change takes an administrator's finger
    │   └── PolicyError          a policy cannot be ordered, or its text not be kept
    ├── RegistryError            an unknown holder, credential or an illegal change
    │   ├── HolderUnknownError   nothing is known of this pseudonym
    │   └── HolderTableError     a table of holders cannot be imported or written
    ├── OrderError               a mode, a self-test or the like cannot be ordered so
    ├── JournalError             an entry was not written; nothing changed
    │   └── JournalStateUnknownError  it is unknown what is on disk: stop    exit 74
    ├── LedgerReadError          the ledger could not be read back for somebody
    │   ├── EntryUnknownError    it has no entry of that number
    │   ├── LedgerBusyError      as many as may read it at once do
    │   └── VerificationRunningError  there is one at a time
    ├── BackupError              a backup was not made, or is not to be read
    │   └── RestoreRefusedError  it would replace what is newer, or another history
    ├── StrikeError              keyra-strike refused or is out of reach
    ├── SimulationError          a simulated key, pin or place was used wrongly
    ├── ApiError                 the gateway refused a request over its API
    └── UnreachableError         nobody answers on the gateway's socket      exit 69
        └── AnswerLostError      the connection broke before an answer came  exit 69
"""

from typing import Final

EX_NOPERM: Final = 77
HTTP_FORBIDDEN: Final = 403


class KeyraError(Exception):
    """Base of every error that the gateway raises on purpose."""

    code: str = "keyra"
    exit_code: int = 1


class ConfigError(KeyraError):
    """A value in the config file is wrong; says file, line, what and what to do."""

    code = "config-invalid"
    exit_code = 78  # EX_CONFIG


class HardwareMissingError(KeyraError):
    """An adapter, a GPIO chip or a system service that the gateway needs is absent."""

    code = "hardware-missing"
    exit_code = 69  # EX_UNAVAILABLE


class AlreadyRunningError(KeyraError):
    """Another gateway process holds this state directory."""

    code = "already-running"
    exit_code = 73  # EX_CANTCREAT


class WireError(KeyraError):
    """The peer broke the rules of CTAP over BLE."""

    code = "wire"


class AdvertError(WireError):
    """An advertisement that is not the FIDO service's, or a malformed one."""

    code = "wire-advert"


class ServiceError(WireError):
    """The peer's GATT service is not the one of CTAP 2.2 §11.4.5, or has no FIDO2."""

    code = "wire-service"


class FramingError(WireError):
    """A fragment breaks CTAP 2.2 §11.4.4 or §11.4.10.

    `reason` is a stable word (ctap.framing.FrameFault), `ble_error` what to answer.
    """

    code = "wire-framing"

    def __init__(self, message: str, reason: str, ble_error: int = 0x7F) -> None:
        super().__init__(message)
        self.reason = reason
        self.ble_error = ble_error


class MessageError(WireError):
    """A message is not canonical CTAP2 CBOR, or lacks what the standard demands."""

    code = "wire-message"


class PeerError(WireError):
    """The peer answered with a BLE-level ERROR; `ble_error` may be an unknown one."""

    code = "wire-peer"

    def __init__(self, message: str, ble_error: int) -> None:
        super().__init__(message)
        self.ble_error = ble_error


class AuthenticatorError(KeyraError):
    """The key answered with a CTAP2 status other than 0 (CTAP 2.2 §8.2)."""

    code = "authenticator"

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class LinkError(KeyraError):
    """The radio connection failed."""

    code = "link"


class LinkLostError(LinkError):
    """The peer went away."""

    code = "link-lost"


class LinkTimeoutError(LinkError):
    """The peer is connected, or was announced, and is silent."""

    code = "link-timeout"


class ExchangeCancelledError(LinkError):
    """This side cancelled the exchange, and the key gave no answer to it."""

    code = "exchange-cancelled"


class BondMissingError(LinkError):
    """One of the two sides lost the bond. Never repaired by itself: an alarm."""

    code = "bond-missing"


class PairingRefusedError(LinkError):
    """A person, the policy or the peer refused the pairing."""

    code = "pairing-refused"


class EvidenceError(KeyraError):
    """A grant, a ledger position or a release is not what it claims to be."""

    code = "evidence"


class AttestationError(KeyraError):
    """The key's model could not be proved; `reason` is a stable word."""

    code = "attestation"

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class EnrolmentError(KeyraError):
    """The enrolment ceremony ended without a credential; `reason` is a stable word."""

    code = "enrolment"

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class AdministrationError(KeyraError):
    """An administrator's order cannot be signed or carried out; `reason` says why."""

    code = "administration"

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class FingerNeededError(AdministrationError):
    """The change takes an administrator's finger: propose it as an order."""

    code = "finger-needed"


class PolicyError(AdministrationError):
    """A policy that cannot be ordered so, or whose text cannot be kept or found."""

    code = "policy"


class RegistryError(KeyraError):
    """An unknown holder or credential, or a change that its state does not allow."""

    code = "registry"


class HolderUnknownError(RegistryError):
    """Neither the ledger nor the people database knows this pseudonym."""

    code = "holder-unknown"


class HolderTableError(RegistryError):
    """A table of holders that cannot be imported or written; one line per fault."""

    code = "holder-table"


class OrderError(KeyraError):
    """A mode, a self-test or a commissioning that cannot be ordered, or not so."""

    code = "order"


class JournalError(KeyraError):
    """An entry could not be written, and it is known that nothing was."""

    code = "journal-append-failed"


class JournalStateUnknownError(JournalError):
    """It is unknown what is on disk: stop, and recover through the normal open."""

    code = "journal-state-unknown"
    exit_code = 74  # EX_IOERR


class LedgerReadError(KeyraError):
    """The ledger could not be read back for somebody; the door is not affected."""

    code = "ledger-unreadable"


class EntryUnknownError(LedgerReadError):
    """The ledger has no entry of that number."""

    code = "entry-unknown"


class LedgerBusyError(LedgerReadError):
    """As many as may read or export the ledger at once do so already."""

    code = "ledger-busy"


class VerificationRunningError(LedgerReadError):
    """The ledger is being verified already, and once at a time is enough."""

    code = "verification-running"


class BackupError(KeyraError):
    """A backup could not be made, or a file is none that can be restored."""

    code = "backup"


class RestoreRefusedError(BackupError):
    """The backup is whole, and does not belong in the place of what is there."""

    code = "restore-refused"


class StrikeError(KeyraError):
    """keyra-strike refused a command or is out of reach."""

    code = "strike"


class SimulationError(KeyraError):
    """A simulated key, pin or place was used wrongly."""

    code = "simulation"


class ApiError(KeyraError):
    """The gateway refused a request over its API.

    `code` and `status` are the ones of its problem details (RFC 9457), so they differ
    from one to the next; 403 ends a process with EX_NOPERM.
    """

    code = "api"

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        if status == HTTP_FORBIDDEN:
            self.exit_code = EX_NOPERM


class UnreachableError(KeyraError):
    """Nobody answers on the gateway's socket, or not in time."""

    code = "gateway-unreachable"
    exit_code = 69  # EX_UNAVAILABLE


class AnswerLostError(UnreachableError):
    """The connection broke after a request was sent: what came of it is unknown."""

    code = "answer-lost"
