"""What a scanning controller tells its host: each advertiser once, if it is told so."""

import pytest
from bumble import hci, ll
from bumble.transport.common import AsyncPipeSink

from gateway.sim.air import FILTERED_MAX, Air, Radio
from gateway.sim.quick_host import QuickHost

LOUD_DBM = -60


class Scan:
    """A controller, and the addresses that its host was told."""

    def __init__(self) -> None:
        self.radio = Radio("r", Air(1), listens=True)
        self.told: list[str] = []
        host = QuickHost(self.radio, AsyncPipeSink(self.radio))
        host.on_report = lambda report: self.told.append(report.address)
        self.radio.host = host

    def begin(self, *, filters: bool, extended: bool = True) -> None:
        """Scan anew, as a host asks for it; Linux uses either command."""
        command: hci.HCI_Command = hci.HCI_LE_Set_Scan_Enable_Command(
            le_scan_enable=1, filter_duplicates=int(filters)
        )
        if extended:
            command = hci.HCI_LE_Set_Extended_Scan_Enable_Command(
                enable=1, filter_duplicates=int(filters), duration=0, period=0
            )
        self.radio.on_hci_command_packet(command)

    def hear(self, number: int) -> None:
        address = hci.Address(f"C0:00:00:00:00:{number:02X}")
        advertisement = ll.AdvExtInd(
            advertiser_address=address, data=bytes.fromhex("020104")
        )
        self.radio.hear(advertisement, LOUD_DBM)


async def test_without_the_filter_every_advert_is_told() -> None:
    scan = Scan()
    scan.begin(filters=False)
    for number in (1, 1, 2):
        scan.hear(number)
    assert len(scan.told) == 3


@pytest.mark.parametrize("extended", [True, False])
async def test_with_it_each_advertiser_is_told_once_in_a_scan(
    *, extended: bool
) -> None:
    scan = Scan()
    scan.begin(filters=True, extended=extended)
    for number in (1, 1, 2, 1):
        scan.hear(number)
    assert len(scan.told) == len(set(scan.told)) == 2
    scan.begin(filters=True, extended=extended)
    scan.hear(1)
    assert len(scan.told) == 3


async def test_it_remembers_so_many_and_tells_a_forgotten_one_again() -> None:
    scan = Scan()
    scan.begin(filters=True)
    for number in range(FILTERED_MAX + 1):
        scan.hear(number)
    scan.hear(FILTERED_MAX)
    assert len(scan.told) == FILTERED_MAX + 1
    scan.hear(0)
    assert len(scan.told) == FILTERED_MAX + 2
