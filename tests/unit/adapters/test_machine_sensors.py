"""The machine's levels, from a tree that looks like its own."""

from pathlib import Path

from gateway.adapters.machine_sensors import MachineSensors


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_this_machine_has_a_disk_and_memory(tmp_path: Path) -> None:
    read = MachineSensors(tmp_path).read()
    assert 0 <= read["disk_free_percent"] <= 100
    assert read["memory_mib"] > 0


def test_the_hottest_zone_counts(tmp_path: Path) -> None:
    thermal = tmp_path / "sys/class/thermal"
    put(thermal / "thermal_zone0/temp", "48312\n")
    put(thermal / "thermal_zone1/temp", "51900\n")
    put(thermal / "thermal_zone2/temp", "hot\n")
    assert MachineSensors(tmp_path, tmp_path).read()["temperature_celsius"] == 51


def test_what_is_missing_is_left_out(tmp_path: Path) -> None:
    assert MachineSensors(tmp_path / "gone", tmp_path).read() == {}
    put(tmp_path / "proc/self/status", "Name:\tx\nVmRSS:\n")
    assert MachineSensors(tmp_path / "gone", tmp_path).read() == {}
