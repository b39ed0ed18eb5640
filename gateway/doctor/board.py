"""The board: pins, what the kernel does to them, power, watchdog."""

from collections.abc import Iterator
from typing import Final

from gateway.config import Config
from gateway.config.checks import LINES
from gateway.config.strike_settings import boot_lines
from gateway.doctor.finding import Finding, good, note, wrong
from gateway.doctor.machine import Machine

BOOT: Final = "/boot/firmware/config.txt"
HEADER_LABEL: Final = "pinctrl-"
STRIKE_UNIT: Final = "keyra-strike.service"
GATEWAY_UNIT: Final = "keyra-gateway.service"

_GROUP_USES: Final = 0o060
_NO_WATCHDOG: Final = {"", "0", "infinity"}
_DRIVERS: Final = ("pinctrl_bcm2835", "pinctrl_rp1")


def check_pins(machine: Machine, config: Config) -> Iterator[Finding]:
    """The header's chip is there, its lines are ours, and no release outlives us."""
    chip = f"/dev/gpiochip{config.pins.chip}"
    facts = machine.pin(config.pins.chip, config.pins.strike)
    if facts is None:
        yield wrong(
            "pins",
            "The chip of the pin header is not there, or I may not look at it.",
            chip,
            "Run this as root; `gpiodetect` lists chips; correct [pins] chip.",
        )
        return
    if not facts.label.startswith(HEADER_LABEL):
        yield wrong(
            "pins",
            f"This chip is {facts.label}, not the pin header's.",
            chip,
            "`gpiodetect` shows which one is called pinctrl-…; correct [pins] chip.",
        )
        return
    yield from _holders(machine, config)
    group = machine.facts(chip)
    if group and (group.group != "gpio" or group.mode & _GROUP_USES != _GROUP_USES):
        yield wrong(
            "pins",
            "The group gpio may not use the chip, so neither can the gateway.",
            chip,
            "Run: udevadm control --reload && udevadm trigger --subsystem-match=gpio",
        )
    yield from _boot(machine, config)


def _holders(machine: Machine, config: Config) -> Iterator[Finding]:
    """A line in use while our service for it is down is in somebody else's hands."""
    down = {
        name
        for name in (STRIKE_UNIT, GATEWAY_UNIT)
        if machine.unit(name).get("ActiveState") not in {"active", "activating"}
    }
    taken = False
    for name in LINES:
        line = getattr(config.pins, name)
        facts = machine.pin(config.pins.chip, line) if line is not None else None
        holder = STRIKE_UNIT if name == "strike" else GATEWAY_UNIT
        if facts and facts.user and holder in down:
            taken = True
            yield wrong(
                "pins",
                f'Another program, which calls itself "{facts.user}", holds the pin of '
                f"[pins] {name}.",
                f"/dev/gpiochip{config.pins.chip} line {line}",
                "Stop it, or give the door another pin (`gpioinfo` shows all).",
            )
    if not taken:
        yield good("pins", "The header's chip is there, and no stranger holds a pin.")


def _boot(machine: Machine, config: Config) -> Iterator[Finding]:
    text = machine.read(BOOT)
    if text is None:
        return
    missing = [
        line
        for line in boot_lines(config).splitlines()
        if line not in map(str.strip, text.splitlines())
    ]
    if missing:
        yield wrong(
            "boot",
            "The firmware is not told how the strike's pin is wired: "
            f"{', '.join(missing)} is missing.",
            BOOT,
            "Run install.sh again, and restart the machine.",
        )
    else:
        yield good("boot", "The firmware secures the door before Linux runs.", BOOT)


def check_board(machine: Machine) -> Iterator[Finding]:
    """Outputs do not outlive their program; power and watchdog are there."""
    for driver in _DRIVERS:
        path = f"/sys/module/{driver}/parameters/persist_gpio_outputs"
        kept = (machine.read(path) or "").strip()
        if kept in {"Y", "1"}:
            yield wrong(
                "strict-gpio",
                "The kernel keeps an output as it is when its program dies.",
                path,
                "Run install.sh again (it sets dtparam=strict_gpiod), and restart.",
            )
        elif kept:
            yield good("strict-gpio", "An output whose program died lets go.", path)
    yield from _power(machine)
    if not any(name.startswith("watchdog") for name in machine.names("/dev")):
        yield note(
            "watchdog",
            "There is no hardware watchdog: a kernel that stands still stays so.",
            "/dev/watchdog",
            "On a Raspberry Pi, set dtparam=watchdog=on and restart.",
        )
    elif machine.unit("").get("RuntimeWatchdogUSec", "0") in _NO_WATCHDOG:
        yield wrong(
            "watchdog",
            "The hardware watchdog is not used.",
            "/etc/systemd/system.conf.d/keyra.conf",
            "Run install.sh again, and restart.",
        )


def _power(machine: Machine) -> Iterator[Finding]:
    for name in machine.names("/sys/class/hwmon"):
        folder = f"/sys/class/hwmon/{name}"
        if (machine.read(f"{folder}/name") or "").strip() != "rpi_volt":
            continue
        if (machine.read(f"{folder}/in0_lcrit_alarm") or "").strip() == "1":
            yield wrong(
                "power",
                "The power supply is too weak: the board saw less than 4.63 V.",
                folder,
                "Take the supply that belongs to the board, and a short, thick cable.",
            )
