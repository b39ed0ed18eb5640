"""Everything that the ledger raises on purpose.

Each message is one sentence for a person: what, where, what to do.

    LedgerError
    ├── EncodingError        not canonical JSON, base64 or hexadecimal
    ├── EntryError           not an entry, or a draft that cannot become one
    ├── NoteError            not a signed note, checkpoint or verifier key
    │   └── SignatureError   a signature by a known key does not verify
    ├── KeyFileError         a key file is missing, unsafe or not a key
    ├── SealError            the seal's state is lost, or ahead of the ledger
    ├── EvidenceError        an entry's evidence does not prove what it claims
    │   └── UnjudgedError    it rests on what stands before the file's beginning
    ├── ProofError           a proof that is malformed or proves something else
    ├── LedgerExistsError    `init` refuses to replace what is there
    ├── LedgerMissingError   there is no ledger; opening never creates one
    ├── LedgerForeignError   a file that is no ledger, or another key's
    ├── LedgerCorruptError   the file contradicts itself or its own signed head
    ├── LedgerBusyError      another writer holds the ledger
    ├── NoSuchEntryError     the ledger has no entry of that number
    ├── AppendFailed         known: nothing was written, the writer goes on
    │   └── DiskFullError    too little space for ordinary entries
    └── StateUnknown         it is unknown what is on disk: the writer has closed
"""


class LedgerError(Exception):
    """Base of every error that the ledger raises on purpose."""


class EncodingError(LedgerError):
    """A value or bytes outside the canonical forms that the ledger accepts."""


class EntryError(LedgerError):
    """Bytes that are no entry, or a draft that cannot become one."""


class NoteError(LedgerError):
    """Text that is no signed note, checkpoint or verifier key."""


class SignatureError(NoteError):
    """A signature that names a known key and does not verify under it."""


class KeyFileError(LedgerError):
    """A key file that is missing, readable by others, or not an Ed25519 key."""


class SealError(LedgerError):
    """The seal's state is missing, destroyed, or ahead of the ledger."""


class EvidenceError(LedgerError):
    """The evidence in an entry does not prove what the entry claims."""


class UnjudgedError(EvidenceError):
    """An entry that rests on others, before the beginning of the file at hand."""


class ProofError(LedgerError):
    """A proof that is malformed, or that does not prove what it is for."""


class LedgerExistsError(LedgerError):
    """A ledger is born once: there is something at the path already."""


class LedgerMissingError(LedgerError):
    """There is no ledger at the path; opening never creates one."""


class LedgerForeignError(LedgerError):
    """The file is no ledger of this version, or it is signed by another key."""


class LedgerCorruptError(LedgerError):
    """The file contradicts itself or the head that its key signed."""


class LedgerBusyError(LedgerError):
    """Another writer holds the ledger; there is never more than one."""


class NoSuchEntryError(LedgerError):
    """The ledger holds no entry of that number."""


class AppendFailed(LedgerError):  # noqa: N818 - reads as what happened
    """Nothing of this append is or will become durable; the writer goes on."""


class DiskFullError(AppendFailed):
    """Too little space is left for ordinary entries; the rest is for last words."""


class StateUnknown(LedgerError):  # noqa: N818 - reads as what happened
    """It is unknown whether the append is durable; the writer has closed itself.

    Recover through the normal open path: it reads what the disk really holds.
    """
