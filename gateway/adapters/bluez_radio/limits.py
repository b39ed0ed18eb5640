"""How long each thing may take on the radio, and how much may pile up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RadioLimits:
    """How long each thing may take, and how much may pile up.

    Attributes:
        scan_start_ms: start or stop of a scan.
        connect_ms: waiting for the turn; and then connecting and encrypting.
        cancel_ms: more than those, for what is called off to end; then it is left.
        connects_max: connections made at once; BlueZ takes whichever key answers first.
        open_ms: reading the FIDO service and subscribing.
        operation_ms: one write or read on an open link.
        close_ms: a disconnection.
        sightings_max: adverts not yet consumed; the oldest go first.
        fragments_max: fragments not yet consumed; one more ends the link.
    """

    scan_start_ms: int = 5_000
    connect_ms: int = 5_000
    cancel_ms: int = 1_000
    connects_max: int = 2
    open_ms: int = 5_000
    operation_ms: int = 3_000
    close_ms: int = 3_000
    sightings_max: int = 256
    fragments_max: int = 512
