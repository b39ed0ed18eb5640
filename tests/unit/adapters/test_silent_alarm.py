"""The silent alarm: sent once somebody listens, and never waits for them."""

import json
import socket
from pathlib import Path

from gateway.adapters.silent_alarm import CALLS_KEPT_MAX, DatagramAlarm


def listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(path))
    listener.setblocking(False)
    return listener


def heard(listener: socket.socket) -> list[object]:
    calls: list[object] = []
    while True:
        try:
            calls.append(json.loads(listener.recv(4096)))
        except BlockingIOError:
            return calls


def test_a_call_is_one_datagram(tmp_path: Path) -> None:
    path = tmp_path / "alarm"
    with listening(path) as listener:
        DatagramAlarm(path).call({"kind": "duress", "entry": 7})
        assert heard(listener) == [{"entry": 7, "kind": "duress"}]


def test_what_nobody_took_is_sent_again_and_only_the_newest_are_kept(
    tmp_path: Path,
) -> None:
    path = tmp_path / "alarm"
    alarm = DatagramAlarm(path)
    for entry in range(CALLS_KEPT_MAX + 3):
        alarm.call({"entry": entry})
    with listening(path) as listener:
        calls: list[object] = []
        for _ in range(CALLS_KEPT_MAX):  # the kernel takes a few at a time
            alarm.retry()
            calls += heard(listener)
        assert [call["entry"] for call in calls if isinstance(call, dict)] == list(
            range(3, CALLS_KEPT_MAX + 3)
        )
        alarm.retry()
        assert heard(listener) == []


def test_a_full_queue_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "alarm"
    with listening(path) as listener:
        alarm = DatagramAlarm(path)
        sent = 2_000
        for entry in range(sent):
            alarm.call({"entry": entry})
        before = len(heard(listener))
        assert before < sent
        alarm.retry()
        assert heard(listener)
