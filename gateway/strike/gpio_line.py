"""A real line, through lgpio alone.

gpiozero would claim the pin as an input first and then as an output at level 0, which
pulses an active-low relay at every start, and float it at close. lgpio's claim takes
the first level along, and the kernel sets level and direction in one request.

Where the kernel keeps outputs of a dead holder (Raspberry Pi OS does unless
`dtparam=strict_gpiod`), the level stays as it was; else the board's pull decides.
"""

from typing import Any, Final

from gateway.errors import HardwareMissingError
from gateway.strike.wiring import Level

_HEADER_LABEL: Final = "pinctrl-"
"""The chip with the pin header: pinctrl-bcm2835, -bcm2711, -rp1 (a Pi 5 has others)."""


class GpioLine:
    """A claimed line of one GPIO chip.

    Args:
        lgpio: the module, or what stands for it.
        chip: number of /dev/gpiochipN.
        bcm: the line's number on that chip, as Broadcom counts.
        level: what the line is claimed with.

    Raises:
        HardwareMissingError: no such chip or line, or it is in use.
    """

    def __init__(self, lgpio: Any, chip: int, bcm: int, level: Level) -> None:
        self._lgpio: Final = lgpio
        self._name: Final = f"line {bcm} of /dev/gpiochip{chip}"
        self._bcm: Final = bcm
        try:
            self._handle: Final[int] = lgpio.gpiochip_open(chip)
        except lgpio.error as error:
            raise HardwareMissingError(
                f"/dev/gpiochip{chip} cannot be opened ({error}); is it there, and may "
                "this user write to it?"
            ) from error
        try:
            self._check_label(chip)
            lgpio.gpio_claim_output(self._handle, bcm, level)
        except lgpio.error as error:
            lgpio.gpiochip_close(self._handle)
            raise HardwareMissingError(
                f"The {self._name} cannot be claimed ({error}); does another program "
                "hold it?"
            ) from error
        except HardwareMissingError:
            lgpio.gpiochip_close(self._handle)
            raise

    def _check_label(self, chip: int) -> None:
        _, _, _, label = self._lgpio.gpio_get_chip_info(self._handle)
        if not str(label).startswith(_HEADER_LABEL):
            raise HardwareMissingError(
                f"/dev/gpiochip{chip} is {label!r}, not the chip of the pin header; "
                "`gpiodetect` lists the chips."
            )

    def set(self, level: Level) -> None:
        """Drive the line; see OutputLine."""
        try:
            self._lgpio.gpio_write(self._handle, self._bcm, level)
        except self._lgpio.error as error:
            raise HardwareMissingError(
                f"The {self._name} cannot be driven ({error})."
            ) from error

    def close(self) -> None:
        """Give the line back; the kernel or the board's pull decides from here."""
        self._lgpio.gpiochip_close(self._handle)


def open_gpio(chip: int, bcm: int, level: Level) -> GpioLine:
    """Claim a line with the system's lgpio.

    Raises:
        HardwareMissingError: lgpio is absent, an empty shell, or cannot work here.
    """
    try:
        # Its import starts a thread and makes a pipe in the working directory.
        import lgpio  # noqa: PLC0415
    except ImportError as error:
        raise HardwareMissingError(
            "lgpio is not installed; install Raspberry Pi OS's python3-lgpio."
        ) from error
    except Exception as error:
        raise HardwareMissingError(
            f"lgpio cannot start ({error}); it needs a working directory that it may "
            "write to, or LG_WD."
        ) from error
    if not hasattr(lgpio, "gpio_claim_output"):
        raise HardwareMissingError(
            "The installed lgpio is the empty package that has no code for this "
            "Python; install Raspberry Pi OS's python3-lgpio."
        )
    return GpioLine(lgpio, chip, bcm, level)
