"""What a controller tells its host of an advertisement."""

from bumble import hci, ll


def extended_report(advertisement: ll.AdvExtInd, rssi_dbm: int) -> bytes:
    """Build an LE Extended Advertising Report by hand: it is most of the traffic."""
    address, data = advertisement.advertiser_address, advertisement.data
    event_type = hci.HCI_LE_Extended_Advertising_Report_Event.EventType
    body = (
        bytes((hci.HCI_LE_EXTENDED_ADVERTISING_REPORT_EVENT, 1))
        + int(event_type.CONNECTABLE_ADVERTISING).to_bytes(2, "little")
        + bytes((address.address_type,))
        + bytes(address)
        + bytes((1, 0, 0xFF, 0x7F))  # primary PHY, secondary PHY, SID, TX power
        + rssi_dbm.to_bytes(1, "little", signed=True)
        + bytes(2 + 1 + 6)  # periodic interval, direct address and its type
        + bytes((len(data),))
        + data
    )
    return bytes((hci.HCI_EVENT_PACKET, hci.HCI_LE_META_EVENT, len(body))) + body
