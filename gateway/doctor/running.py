"""What should be running: clock, radio, units, the strike."""

from collections.abc import Iterator
from typing import Final

from gateway.config import Config
from gateway.config.strike_settings import STRIKE_SOCKET
from gateway.doctor.finding import Finding, good, note, wrong
from gateway.doctor.machine import Machine

ERROR_MS_MAX: Final = 60_000
WALL_MS_MIN: Final = 1_735_689_600_000
"""2025-01-01: this program is younger than any time before."""
RTC_CLASS: Final = "/sys/class/rtc"
RESTARTS_MAX: Final = 3
BLUETOOTH: Final = "bluetooth.service"
UNITS: Final = ("keyra-strike.service", "keyra-gateway.service")
POLKIT: Final = "/usr/lib/polkit-1/polkitd"
TIMER: Final = "keyra-verify.timer"
VERIFICATION: Final = "keyra-verify.service"
TIME_SYNC: Final = (
    "systemd-timesyncd.service",
    "chrony.service",
    "ntpsec.service",
)


def check_clock(machine: Machine) -> Iterator[Finding]:
    """Somebody vouches for the time: without it, rules that need it deny."""
    error_ms = machine.clock_error_ms()
    if 0 <= error_ms <= ERROR_MS_MAX and machine.wall_ms() >= WALL_MS_MIN:
        yield good("clock", f"It is right to {error_ms} ms.")
        return
    syncs = [
        name for name in TIME_SYNC if machine.unit(name).get("ActiveState") == "active"
    ]
    rtc = bool(machine.names(RTC_CLASS))
    yield wrong(
        "clock",
        "Nobody vouches for the time, so keys whose rules need it are denied.",
        syncs[0] if syncs else "no time service runs",
        "Give the machine a time server (`timedatectl timesync-status`)"
        + ("." if rtc else ", and a clock with a battery: this board has none."),
    )


def check_rtc(machine: Machine, config: Config) -> Iterator[Finding]:
    """A clock with a battery that is to be believed is there, and was used."""
    limit_ms = config.gateway.rtc_error_ms
    if not limit_ms:
        yield good("rtc", "No clock with a battery is believed: rtc_error_s is 0.")
        return
    clocks = machine.names(RTC_CLASS)
    used = [one for one in clocks if _says(machine, one, "hctosys") == "1"]
    shown = [_says(machine, one, "since_epoch") for one in used]
    if not used:
        yield wrong(
            "rtc",
            "No clock with a battery set the time of this boot, and one is to be "
            "believed ([gateway] rtc_error_s).",
            RTC_CLASS,
            "Enable it (dtoverlay=i2c-rtc in config.txt; `hwclock --show`), or set "
            "rtc_error_s = 0.",
        )
    elif not any(one.isdecimal() and int(one) * 1_000 >= WALL_MS_MIN for one in shown):
        yield wrong(
            "rtc",
            f"{used[0]} lost its time: it shows nothing that can be.",
            f"{RTC_CLASS}/{used[0]}/since_epoch",
            "Change its battery; the kernel sets it once a time server is reached.",
        )
    else:
        yield good(
            "rtc",
            f"{used[0]} set the time at boot; it is believed, once it agreed with a "
            f"time server, while it is right to {limit_ms / 1_000:g} s.",
        )


def _says(machine: Machine, clock: str, name: str) -> str:
    return (machine.read(f"{RTC_CLASS}/{clock}/{name}") or "").strip()


def check_radio(machine: Machine, config: Config) -> Iterator[Finding]:
    """There is an adapter, not blocked, and BlueZ runs."""
    adapter = f"/sys/class/bluetooth/{config.radio.adapter}"
    found = list(_radio(machine, adapter))
    yield from found or [good("radio", f"{config.radio.adapter} is there; BlueZ runs.")]


def _radio(machine: Machine, adapter: str) -> Iterator[Finding]:
    name = adapter.rpartition("/")[2]
    if name not in machine.names("/sys/class/bluetooth"):
        yield wrong(
            "radio",
            f"There is no Bluetooth adapter {name}.",
            adapter,
            "Plug it in, take dtoverlay=disable-bt out of config.txt, or correct "
            "[radio] adapter.",
        )
    for switch in machine.names("/sys/class/rfkill"):
        folder = f"/sys/class/rfkill/{switch}"
        if (machine.read(f"{folder}/type") or "").strip() != "bluetooth":
            continue
        if (machine.read(f"{folder}/hard") or "").strip() == "1":
            yield wrong(
                "radio",
                "Bluetooth is switched off in hardware.",
                folder,
                "Switch it on at the machine.",
            )
        elif (machine.read(f"{folder}/soft") or "").strip() == "1":
            yield wrong(
                "radio",
                "Bluetooth is switched off.",
                folder,
                "Run: rfkill unblock bluetooth",
            )
    if machine.unit(BLUETOOTH).get("ActiveState") != "active":
        yield wrong(
            "radio",
            "BlueZ does not run.",
            BLUETOOTH,
            "It starts when an adapter appears; run: systemctl start bluetooth",
        )


def check_units(machine: Machine) -> Iterator[Finding]:
    """Each service is there, comes at boot, runs, and does not keep dying."""
    for name in UNITS:
        yield from _service(name, machine)
    if machine.unit(TIMER).get("ActiveState") != "active":
        yield wrong(
            "units",
            "The ledger is not checked daily.",
            TIMER,
            f"Run: systemctl start {TIMER}",
        )
    if machine.unit(VERIFICATION).get("Result", "success") != "success":
        yield wrong(
            "units",
            "The last check of the whole ledger failed.",
            VERIFICATION,
            f"Run: journalctl -u {VERIFICATION}",
        )


def check_polkit(machine: Machine) -> Iterator[Finding]:
    """Without polkit, systemd lets nobody but root restart BlueZ."""
    if machine.facts(POLKIT) is None:
        yield note(
            "polkit",
            "The gateway cannot restart BlueZ when nothing less mends the radio.",
            POLKIT,
            "Run: apt-get install polkitd",
        )


def _service(name: str, machine: Machine) -> Iterator[Finding]:
    seen = machine.unit(name)
    log = f"Run: journalctl -u {name}"
    if seen.get("LoadState") != "loaded":
        yield wrong(
            "units", "This service is not installed.", name, "Run install.sh again."
        )
        return
    if seen.get("UnitFileState") != "enabled":
        yield wrong(
            "units",
            "This service does not start at boot.",
            name,
            f"Run: systemctl enable {name}",
        )
    if seen.get("ActiveState") != "active":
        yield wrong(
            "units",
            f"This service is {seen.get('ActiveState', 'in no known state')} "
            f"({seen.get('SubState', '')}, last result {seen.get('Result', '')}).",
            name,
            log,
        )
    elif int(seen.get("NRestarts") or 0) > RESTARTS_MAX:
        yield note(
            "units",
            f"This service was restarted {seen['NRestarts']} times since the boot.",
            name,
            log,
        )
    else:
        yield good("units", "It runs.", name)


def check_strike(machine: Machine) -> Iterator[Finding]:
    """keyra-strike refuses a stranger, so it is alive and obeys the gateway alone."""
    if machine.facts(STRIKE_SOCKET) is None:
        yield wrong(
            "strike",
            "keyra-strike does not listen: nothing can open the door.",
            STRIKE_SOCKET,
            "Run: systemctl restart keyra-strike; journalctl -u keyra-strike",
        )
        return
    if machine.uid("keyra") == machine.own_uid():
        yield note(
            "strike",
            "As the gateway's own user I would be taken for the gateway.",
            STRIKE_SOCKET,
            "Run this as root to ask keyra-strike too.",
        )
        return
    said = machine.strike_says(STRIKE_SOCKET)
    if said is None:
        yield wrong(
            "strike",
            "keyra-strike does not answer.",
            STRIKE_SOCKET,
            "Run this as root; then: systemctl restart keyra-strike",
        )
    elif "forbidden" not in said:
        yield wrong(
            "strike",
            "keyra-strike would obey others than the gateway.",
            STRIKE_SOCKET,
            "Run install.sh again: it writes strike.env anew.",
        )
    else:
        yield good("strike", "It answers, and obeys the gateway alone.", STRIKE_SOCKET)
