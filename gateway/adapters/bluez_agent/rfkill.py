"""Blocks and unblocks the machine's Bluetooth, which has the kernel reset it."""

import os
import struct
from pathlib import Path
from typing import Final

from gateway.errors import LinkLostError

DEVICE: Final = Path("/dev/rfkill")

# linux/rfkill.h: struct rfkill_event, RFKILL_TYPE_BLUETOOTH, RFKILL_OP_CHANGE_ALL.
_EVENT: Final = struct.Struct("=IBBBB")
_TYPE_BLUETOOTH: Final = 2
_OP_CHANGE_ALL: Final = 3


def set_blocked(device: Path, *, blocked: bool) -> None:
    """Block or unblock all Bluetooth controllers.

    Raises:
        LinkLostError: the device is not there, or not for this user.
    """
    event = _EVENT.pack(0, _TYPE_BLUETOOTH, _OP_CHANGE_ALL, int(blocked), 0)
    try:
        descriptor = os.open(device, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(descriptor, event)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise LinkLostError(
            f"The controller cannot be reset through {device} ({error.strerror}): "
            "let the gateway's user write to it."
        ) from error
