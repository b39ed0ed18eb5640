"""Why an attestation was refused: one stable word and one sentence for each reason."""

from gateway.core.worded import Worded
from gateway.errors import AttestationError


class AttestationFailure(Worded):
    """What could not be proved; the value stands in events and answers."""

    MALFORMED = "malformed", "The key's attestation is malformed."
    FORMAT_NOT_ALLOWED = (
        "format-not-allowed",
        "The key's attestation is not of the format packed.",
    )
    SELF_ATTESTATION = (
        "self-attestation",
        "The key vouches for itself; no maker's certificate came with it.",
    )
    AUTHENTICATOR_DATA_INVALID = (
        "authenticator-data-invalid",
        "The key's signed data is malformed or holds no new credential.",
    )
    RP_ID_MISMATCH = "rp-id-mismatch", "The credential was made for another site."
    USER_NOT_PRESENT = "user-not-present", "Nobody was present at the key."
    USER_NOT_VERIFIED = "user-not-verified", "The key did not check a finger."
    ALGORITHM_NOT_REQUESTED = (
        "algorithm-not-requested",
        "The new credential's algorithm is not one that was asked for.",
    )
    AAGUID_NOT_ALLOWED = (
        "aaguid-not-allowed",
        "This model of key is not on the site's list.",
    )
    MODEL_REVOKED = (
        "model-revoked",
        "This model of key has fallen: the list of models says that it is not safe.",
    )
    MODEL_LIST_EXPIRED = (
        "model-list-expired",
        "The list of models is too old to be believed; fetch the present one.",
    )
    CERTIFICATE_MALFORMED = (
        "certificate-malformed",
        "A certificate of the key is malformed.",
    )
    EXTENSION_UNKNOWN = (
        "extension-unknown",
        "A certificate of the key demands something that is unknown here.",
    )
    NOT_YET_VALID = (
        "certificate-not-yet-valid",
        "A certificate of the key is not valid yet; check the clock.",
    )
    EXPIRED = "certificate-expired", "A certificate of the key has expired."
    KEY_WEAK = (
        "certificate-key-weak",
        "A certificate of the key has a key or a signature that is too weak.",
    )
    NAMES_NOT_CHAINED = (
        "names-not-chained",
        "A certificate of the key names another issuer than the next one.",
    )
    ISSUER_NOT_A_CA = (
        "issuer-not-a-ca",
        "A certificate of the key was signed by one that may not sign.",
    )
    PATH_TOO_LONG = (
        "path-too-long",
        "There are more certificates between key and root than are allowed.",
    )
    KEY_USAGE = "key-usage", "A certificate's key was used for what it may not do."
    CHAIN_SIGNATURE_INVALID = (
        "chain-signature-invalid",
        "A certificate of the key was not signed by its issuer.",
    )
    ROOT_UNKNOWN = (
        "root-unknown",
        "The key's maker is not among the roots that the site trusts.",
    )
    LEAF_IS_A_CA = "leaf-is-a-ca", "The key's own certificate is a CA's."
    LEAF_SUBJECT = (
        "leaf-subject",
        "The key's own certificate does not name its country, maker, unit and model.",
    )
    AAGUID_EXTENSION_MISSING = (
        "aaguid-extension-missing",
        "The key's own certificate does not say which model it is for.",
    )
    AAGUID_EXTENSION_CRITICAL = (
        "aaguid-extension-critical",
        "The key's own certificate marks its model as critical, against the standard.",
    )
    AAGUID_MISMATCH = (
        "aaguid-mismatch",
        "The key's own certificate is for another model.",
    )
    SIGNATURE_INVALID = (
        "signature-invalid",
        "The attestation was not signed by the certificate that came with it.",
    )


def refused(failure: AttestationFailure) -> AttestationError:
    """Return the error to raise."""
    return AttestationError(failure.sentence, failure.value)
