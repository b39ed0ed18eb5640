"""The rig's kinds of machines: what each is made of, and where its guest is kept."""

from itertools import product
from pathlib import Path

import pytest

from tests.appliance.__main__ import image_of
from tests.appliance.board import changes
from tests.appliance.kind import Architecture, Kind, Suite

DEFAULT = Kind()
BOOKWORM = Kind(Suite.BOOKWORM)
ARM64 = Kind(architecture=Architecture.ARM64)
ALL = [Kind(*both) for both in product(Suite, Architecture)]


@pytest.mark.parametrize(
    ("kind", "python", "emulator"),
    [
        (DEFAULT, "3.13-x86_64", "qemu-system-x86_64"),
        (BOOKWORM, "3.11-x86_64", "qemu-system-x86_64"),
        (ARM64, "3.13-aarch64", "qemu-system-aarch64"),
        (
            Kind(Suite.BOOKWORM, Architecture.ARM64),
            "3.11-aarch64",
            "qemu-system-aarch64",
        ),
    ],
    ids=str,
)
def test_python_and_emulator(kind: Kind, python: str, emulator: str) -> None:
    assert (kind.python, kind.emulator) == (python, emulator)


def test_the_usual_machine_is_raspberry_pi_os_as_it_is_now_on_a_quick_processor() -> (
    None
):
    assert str(DEFAULT) == "trixie-amd64"
    assert DEFAULT.build_more_min == 0


def test_each_kind_has_a_place_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    places = [image_of(kind, tmp_path) for kind in ALL]
    assert len(set(places)) == len(ALL)
    assert places == [image_of(kind, tmp_path) for kind in ALL]
    assert all(place.parent == tmp_path and not place.suffix for place in places)


@pytest.mark.parametrize("kind", ALL, ids=str)
def test_board_and_console(kind: Kind, tmp_path: Path) -> None:
    arm = kind.architecture is Architecture.ARM64
    board = (
        ("-M", "virt", "-cpu", "cortex-a72") if arm else ("-M", "q35", "-cpu", "max")
    )
    assert kind.board() == (*board, "-smp", "2")
    assert ("console=ttyAMA0" if arm else "console=ttyS0") in kind.command_line
    assert kind.has_device_tree is arm
    dumped = f"dumpdtb={tmp_path}" in " ".join(kind.board(dump=tmp_path))
    assert dumped is arm


def test_a_machine_of_one_processor_is_of_the_same_kind(tmp_path: Path) -> None:
    single = Kind(processors=1)
    assert single.board()[-2:] == ("-smp", "1")
    assert image_of(single, tmp_path) == image_of(DEFAULT, tmp_path)


def test_a_foreign_root_file_system_may_take_longer() -> None:
    assert ARM64.build_s_max > DEFAULT.build_s_max == BOOKWORM.build_s_max
    assert ARM64.build_more_min > 0


def test_the_tree_of_a_pi_tells_its_revision_and_loses_the_other_chip(
    tmp_path: Path,
) -> None:
    calls = changes(tmp_path / "board.dtb")
    assert all(call[0] == "fdtput" for call in calls)
    assert any(call[-2:] == ["linux,revision", "c03115"] for call in calls)
    removed = [call[-1] for call in calls if "-r" in call]
    assert removed == ["/gpio-keys", "/pl061@9030000"]
