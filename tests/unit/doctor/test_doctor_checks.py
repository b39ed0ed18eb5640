"""Each thing that can be wrong with a machine is found, alone, with advice."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.config import defaults_text, parse
from gateway.config.strike_settings import strike_environment
from gateway.doctor import Finding, Grade, PathFacts, PinFacts, Space, examine
from ledger.errors import LedgerCorruptError, LedgerError, LedgerMissingError

CONFIG = "/etc/keyra/gateway.toml"
STRIKE = "keyra-strike.service"
GATEWAY = "keyra-gateway.service"
RUNNING = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "Result": "success",
    "NRestarts": "0",
    "UnitFileState": "enabled",
}
BOOT = "/boot/firmware/config.txt"
PERSIST = "/sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs"
ROOTS = PathFacts(0o640, "root", "keyra")
OURS = PathFacts(0o600, "keyra", "keyra")
STATE = "/var/lib/keyra"
BACKUPS = "/var/backups/keyra"
BACKED_UP = defaults_text().replace("#recipient =", "recipient =")
LISTED = re.sub(r"(?m)^#?model_list = .*$", 'model_list = "/etc/mds.jwt"', BACKED_UP)
ACCEPTED = f"{STATE}/model-list.json"
DAY_MS = 86_400_000


def listed(machine: "FakeMachine", accepted: str) -> None:
    """Let the site have a list of fallen models, of which that was kept."""
    machine.files |= {CONFIG: LISTED, ACCEPTED: accepted}


@dataclass
class FakeMachine:
    """A Raspberry Pi on which everything is as it should be."""

    files: dict[str, str] = field(
        default_factory=lambda: {
            CONFIG: BACKED_UP,
            "/etc/keyra/strike.env": strike_environment(
                parse(BACKED_UP, "defaults"), 990
            ),
            BOOT: "[all]\ndtparam=strict_gpiod\ngpio=17=op,dl\n",
            PERSIST: "N\n",
            "/sys/class/rfkill/rfkill0/type": "bluetooth\n",
            "/sys/class/rfkill/rfkill0/hard": "0\n",
            "/sys/class/rfkill/rfkill0/soft": "0\n",
            "/sys/class/rfkill/rfkill1/type": "wlan\n",
            "/sys/class/rfkill/rfkill1/soft": "1\n",
            "/sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
            "/sys/class/hwmon/hwmon1/name": "rpi_volt\n",
            "/sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0\n",
        }
    )
    folders: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            STATE: ("ledger.db", "ledger.key", "ledger.vkey"),
            "/sys/class/bluetooth": ("hci0",),
            "/sys/class/rfkill": ("rfkill0", "rfkill1"),
            "/sys/class/hwmon": ("hwmon0", "hwmon1"),
            "/sys/class/rtc": ("rtc0",),
            BACKUPS: ("keyra-gateway-1-7-20270114T080000Z.age",),
            "/dev": ("gpiochip0", "watchdog", "watchdog0"),
        }
    )
    paths: dict[str, PathFacts] = field(
        default_factory=lambda: {
            "/opt/keyra/versions/1-abc/complete": PathFacts(0o644, "root", "root"),
            "/etc/keyra": PathFacts(0o750, "root", "keyra"),
            CONFIG: ROOTS,
            "/etc/keyra/strike.env": PathFacts(0o644, "root", "root"),
            STATE: PathFacts(0o700, "keyra", "keyra"),
            f"{STATE}/ledger.db": OURS,
            f"{STATE}/ledger.key": OURS,
            f"{STATE}/ledger.vkey": PathFacts(0o644, "keyra", "keyra"),
            "/usr/lib/polkit-1/polkitd": PathFacts(0o755, "root", "root"),
            "/dev/gpiochip0": PathFacts(0o660, "root", "gpio"),
            "/run/keyra-strike/socket": PathFacts(0o660, "keyra-strike", "keyra"),
        }
    )
    links: dict[str, str] = field(
        default_factory=lambda: {"/opt/keyra/current": "versions/1-abc"}
    )
    units: dict[str, dict[str, str]] = field(
        default_factory=lambda: {
            STRIKE: dict(RUNNING),
            GATEWAY: dict(RUNNING),
            "keyra-verify.timer": dict(RUNNING),
            "keyra-verify.service": {"Result": "success"},
            "bluetooth.service": dict(RUNNING),
            "": {"RuntimeWatchdogUSec": "15s"},
        }
    )
    modules: dict[str, str] = field(
        default_factory=lambda: {"lgpio": "/v/lgpio.py", "_lgpio": "/v/_lgpio.so"}
    )
    versions: dict[str, str] = field(
        default_factory=lambda: {"gpiozero": "2.0.1.post3", "keyra-gateway": "1"}
    )
    room: Space | None = field(default_factory=lambda: Space(1 << 32, 1 << 20, False))
    label: str = "pinctrl-bcm2711"
    holder: str = "lg"
    chip: bool = True
    error_ms: int = 12
    now_ms: int = 1_800_000_000_000
    me: int = 0
    strike: str | None = "err forbidden"
    ledger: int | LedgerError = 7

    def read(self, path: str) -> str | None:
        return self.files.get(path)

    def names(self, folder: str) -> tuple[str, ...]:
        return self.folders.get(folder, ())

    def facts(self, path: str) -> PathFacts | None:
        return self.paths.get(path)

    def target(self, path: str) -> str | None:
        return self.links.get(path)

    def space(self, _path: str) -> Space | None:
        return self.room

    def unit(self, name: str) -> Mapping[str, str]:
        return self.units.get(name, {})

    def pin(self, _chip: int, _line: int) -> PinFacts | None:
        return PinFacts(self.label, self.holder) if self.chip else None

    def module(self, name: str) -> str | None:
        return self.modules.get(name)

    def version(self, distribution: str) -> str | None:
        return self.versions.get(distribution)

    def uid(self, user: str) -> int | None:
        return {"keyra": 990}.get(user)

    def own_uid(self) -> int:
        return self.me

    def clock_error_ms(self) -> int:
        return self.error_ms

    def wall_ms(self) -> int:
        return self.now_ms

    def strike_says(self, _socket: str) -> str | None:
        return self.strike

    def ledger_size(self, _path: str) -> int:
        if isinstance(self.ledger, LedgerError):
            raise self.ledger
        return self.ledger


Break = Callable[[FakeMachine], object]

WRONG: dict[str, tuple[str, Break]] = {
    "no config": ("config", lambda m: m.files.pop(CONFIG)),
    "a config with a mistake": (
        "config",
        lambda m: m.files.update({CONFIG: "[door]\nlok = 1\n"}),
    ),
    "an installation that was cut off": (
        "version",
        lambda m: m.paths.pop("/opt/keyra/versions/1-abc/complete"),
    ),
    "an upgrade that was cut off": (
        "version",
        lambda m: m.paths.update({"/opt/keyra/unproved": ROOTS}),
    ),
    "no lgpio": ("lgpio", lambda m: m.modules.clear()),
    "the empty lgpio": ("lgpio", lambda m: m.modules.pop("_lgpio")),
    "a gpiozero that ignores the chip": (
        "gpiozero",
        lambda m: m.versions.update(gpiozero="2.0.1"),
    ),
    "a config that the gateway could write": (
        "permissions",
        lambda m: m.paths.update({CONFIG: PathFacts(0o660, "root", "keyra")}),
    ),
    "a config that the gateway cannot read": (
        "permissions",
        lambda m: m.paths.update({CONFIG: PathFacts(0o600, "root", "root")}),
    ),
    "data that others see": (
        "permissions",
        lambda m: m.paths.update({STATE: PathFacts(0o755, "keyra", "keyra")}),
    ),
    "a ledger that root made": (
        "permissions",
        lambda m: m.paths.update(
            {f"{STATE}/ledger.db": PathFacts(0o600, "root", "root")}
        ),
    ),
    "a signing key that others read": (
        "permissions",
        lambda m: m.paths.update(
            {f"{STATE}/ledger.key": PathFacts(0o644, "keyra", "keyra")}
        ),
    ),
    "no place for data": ("disk", lambda m: setattr(m, "room", None)),
    "a disk that is read-only": (
        "disk",
        lambda m: setattr(m, "room", Space(1 << 32, 1 << 20, read_only=True)),
    ),
    "a full disk": ("disk", lambda m: setattr(m, "room", Space(0, 1 << 20, False))),
    "no more files": ("disk", lambda m: setattr(m, "room", Space(1 << 32, 3, False))),
    "no ledger": (
        "ledger",
        lambda m: setattr(m, "ledger", LedgerMissingError("There is none.")),
    ),
    "a broken ledger": (
        "ledger",
        lambda m: setattr(m, "ledger", LedgerCorruptError("It is broken.")),
    ),
    "no signing key": ("ledger", lambda m: m.paths.pop(f"{STATE}/ledger.key")),
    "a clock that nobody vouches for": ("clock", lambda m: setattr(m, "error_ms", -1)),
    "a clock that drifts": ("clock", lambda m: setattr(m, "error_ms", 3_600_000)),
    "1970": ("clock", lambda m: setattr(m, "now_ms", 0)),
    "outputs that are kept": (
        "strict-gpio",
        lambda m: m.files.update({PERSIST: "Y\n"}),
    ),
    "a weak supply": (
        "power",
        lambda m: m.files.update({"/sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n"}),
    ),
    "a watchdog that nobody feeds": (
        "watchdog",
        lambda m: m.units.update({"": {"RuntimeWatchdogUSec": "0"}}),
    ),
    "a unit that is missing": ("units", lambda m: m.units.pop(GATEWAY)),
    "a unit that is not enabled": (
        "units",
        lambda m: m.units[GATEWAY].update(UnitFileState="disabled"),
    ),
    "a ledger that is not checked": (
        "units",
        lambda m: m.units.pop("keyra-verify.timer"),
    ),
    "no backup": ("backup", lambda m: m.folders.update({BACKUPS: ("x.age",)})),
    "an old backup": (
        "backup",
        lambda m: m.folders.update(
            {BACKUPS: ("keyra-gateway-1-9-20270101T000000Z.age",)}
        ),
    ),
    "a ledger that was tampered with": (
        "units",
        lambda m: m.units["keyra-verify.service"].update(Result="exit-code"),
    ),
    "a strike without a socket": (
        "strike",
        lambda m: m.paths.pop("/run/keyra-strike/socket"),
    ),
    "a strike that is stuck": ("strike", lambda m: setattr(m, "strike", None)),
    "a strike that obeys root": (
        "strike",
        lambda m: setattr(m, "strike", "ok 5 secured"),
    ),
    "no settings for the strike": (
        "strike-settings",
        lambda m: m.files.pop("/etc/keyra/strike.env"),
    ),
    "settings of another pin": (
        "strike-settings",
        lambda m: m.files.update({"/etc/keyra/strike.env": "KEYRA_STRIKE=x\n"}),
    ),
    "no chip": ("pins", lambda m: setattr(m, "chip", False)),
    "another chip": ("pins", lambda m: setattr(m, "label", "raspberrypi-exp-gpio")),
    "a chip of root's": (
        "pins",
        lambda m: m.paths.update({"/dev/gpiochip0": PathFacts(0o600, "root", "root")}),
    ),
    "a firmware that was not told": (
        "boot",
        lambda m: m.files.update({BOOT: "dtparam=strict_gpiod\n"}),
    ),
    "no adapter": ("radio", lambda m: m.folders.update({"/sys/class/bluetooth": ()})),
    "a radio that is blocked": (
        "radio",
        lambda m: m.files.update({"/sys/class/rfkill/rfkill0/soft": "1\n"}),
    ),
    "a radio that is switched off": (
        "radio",
        lambda m: m.files.update({"/sys/class/rfkill/rfkill0/hard": "1\n"}),
    ),
    "a list of models that is stale": (
        "models",
        lambda m: listed(m, f'{{"number": 7, "stale_ms": {m.now_ms - 2 * DAY_MS}}}'),
    ),
    "no BlueZ": ("radio", lambda m: m.units.pop("bluetooth.service")),
}

NOTED: dict[str, tuple[str, Break]] = {
    "a list of models that nobody took": ("models", lambda m: listed(m, "[]")),
    "nobody who could open a backup": (
        "backup",
        lambda m: m.files.update({CONFIG: defaults_text()}),
    ),
    "a clone": ("version", lambda m: m.links.clear()),
    "the seal's first key": (
        "seal",
        lambda m: m.folders.update({STATE: ("ledger.seal-key",)}),
    ),
    "a disk that fills": (
        "disk",
        lambda m: setattr(m, "room", Space(1 << 28, 1 << 20, False)),
    ),
    "a service that keeps dying": (
        "units",
        lambda m: m.units[GATEWAY].update(NRestarts="9"),
    ),
    "no polkit": ("polkit", lambda m: m.paths.pop("/usr/lib/polkit-1/polkitd")),
    "no watchdog": ("watchdog", lambda m: m.folders.update({"/dev": ("null",)})),
    "the gateway's own user": ("strike", lambda m: setattr(m, "me", 990)),
}


def found(machine: FakeMachine) -> list[Finding]:
    return list(examine(machine, Path(CONFIG)))


def test_a_list_of_models_that_is_fresh_is_good() -> None:
    machine = FakeMachine()
    listed(machine, f'{{"number": 7, "stale_ms": {machine.now_ms + DAY_MS}}}')
    (finding,) = [one for one in found(machine) if one.check == "models"]
    assert finding.grade is Grade.GOOD


def test_on_a_machine_that_is_right_nothing_is_wrong() -> None:
    findings = found(FakeMachine())
    assert {finding.grade for finding in findings} == {Grade.GOOD}
    assert len({finding.check for finding in findings}) > 10


@pytest.mark.parametrize(
    ("check", "break_it", "grade"),
    [
        *((check, do, Grade.WRONG) for check, do in WRONG.values()),
        *((check, do, Grade.NOTE) for check, do in NOTED.values()),
    ],
    ids=[*WRONG, *NOTED],
)
def test_what_is_wrong_is_found_alone_and_comes_with_advice(
    check: str, break_it: Break, grade: Grade
) -> None:
    machine = FakeMachine()
    break_it(machine)
    unwell = [one for one in found(machine) if one.grade is not Grade.GOOD]
    assert [(one.check, one.grade) for one in unwell] == [(check, grade)]
    assert unwell[0].what.endswith(".")
    assert unwell[0].where
    assert unwell[0].advice


def test_a_pin_in_a_stranger_s_hands_is_found_while_our_service_is_down() -> None:
    machine = FakeMachine(holder="blink")
    machine.units[STRIKE]["ActiveState"] = "failed"
    checks = [one for one in found(machine) if one.grade is Grade.WRONG]
    assert [one.check for one in checks] == ["units", "pins"]
    assert '"blink"' in checks[1].what
    assert checks[1].where == "/dev/gpiochip0 line 17"


def test_a_config_that_an_earlier_installation_left_is_no_fault() -> None:
    machine = FakeMachine()
    machine.folders[STATE] = ("gateway.toml",)
    machine.paths[f"{STATE}/gateway.toml"] = PathFacts(0o600, "root", "root")
    assert {one.grade for one in found(machine)} == {Grade.GOOD}


def test_no_time_service_is_said() -> None:
    clock = [one for one in found(FakeMachine(error_ms=-1)) if one.check == "clock"]
    assert clock[0].where == "no time service runs"
    machine = FakeMachine(error_ms=-1)
    machine.units["chrony.service"] = dict(RUNNING)
    del machine.folders["/sys/class/rtc"]
    clock = [one for one in found(machine) if one.check == "clock"]
    assert clock[0].where == "chrony.service"
    assert "battery" in clock[0].advice


def test_a_machine_with_nothing_is_examined_to_the_end() -> None:
    nothing = FakeMachine(
        files={},
        folders={},
        paths={},
        links={},
        units={},
        modules={},
        versions={},
        room=None,
        chip=False,
        error_ms=-1,
        strike=None,
        ledger=LedgerMissingError("There is none."),
    )
    checks = {one.check for one in found(nothing) if one.grade is Grade.WRONG}
    assert {"config", "lgpio", "disk", "ledger", "clock", "units", "strike"} <= checks


def test_findings_are_plain() -> None:
    for finding in found(FakeMachine()):
        assert isinstance(dataclasses.asdict(finding)["check"], str)


def battery(machine: FakeMachine, **shown: str) -> Finding:
    """A machine whose site believes a clock with a battery, which shows this."""
    assert "rtc_error_s = 0" in machine.files[CONFIG]
    machine.files[CONFIG] = machine.files[CONFIG].replace(
        "rtc_error_s = 0", "rtc_error_s = 60"
    )
    for name, text in shown.items():
        machine.files[f"/sys/class/rtc/rtc0/{name}"] = text
    (finding,) = [one for one in found(machine) if one.check == "rtc"]
    return finding


def test_a_clock_with_a_battery_that_is_to_be_believed_is_looked_at() -> None:
    good = battery(FakeMachine(), hctosys="1\n", since_epoch="1785405600\n")
    assert good.grade is Grade.GOOD
    assert "60 s" in good.what
    for shown in ({}, {"hctosys": "0", "since_epoch": "1785405600"}):
        assert "set the time" in battery(FakeMachine(), **shown).what
    for text in ("", "7", "-1", "none"):
        dead = battery(FakeMachine(), hctosys="1", since_epoch=text)
        assert dead.grade is Grade.WRONG
        assert "battery" in dead.advice
