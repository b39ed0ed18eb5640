"""gateway.ctap.gatt: what a key's GATT service may say."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ctap import gatt
from gateway.errors import ServiceError


def test_assigned_numbers_widen_to_the_bluetooth_base_uuid() -> None:
    assert gatt.FIDO_SERVICE_UUID == "0000fffd-0000-1000-8000-00805f9b34fb"


@pytest.mark.parametrize("bitfield", [b"\x20", b"\xe0", b"\xa0\x00", b"\x3f"])
def test_fido2_alone_is_selected_wherever_it_is_offered(bitfield: bytes) -> None:
    assert gatt.select_revision(bitfield) == b"\x20"


@pytest.mark.parametrize("bitfield", [b"", b"\x00", b"\xc0", b"\xdf\x20"])
def test_a_key_without_fido2_is_refused(bitfield: bytes) -> None:
    with pytest.raises(ServiceError, match="lacks FIDO2"):
        gatt.select_revision(bitfield)


@pytest.mark.parametrize(
    ("value", "length"), [(b"\x00\x14", 20), (b"\x02\x00", 512), (b"\x00\x9b", 155)]
)
def test_control_point_length_is_big_endian(value: bytes, length: int) -> None:
    assert gatt.parse_control_point_length(value) == length


@pytest.mark.parametrize(
    "value", [b"", b"\x14", b"\x00\x13", b"\x02\x01", b"\x00\x14\x00", b"\x14\x00"]
)
def test_control_point_length_out_of_bounds_is_refused(value: bytes) -> None:
    with pytest.raises(ServiceError, match="fidoControlPointLength"):
        gatt.parse_control_point_length(value)


@given(st.binary(max_size=600))
def test_whatever_is_read_only_service_errors_come_out(value: bytes) -> None:
    with suppress(ServiceError):
        assert 20 <= gatt.parse_control_point_length(value) <= 512
    with suppress(ServiceError):
        assert gatt.select_revision(value) == b"\x20"


@pytest.mark.parametrize(
    ("mtu", "most"), [(23, 20), (185, 182), (515, 512), (517, 512)]
)
def test_a_packet_holds_the_mtu_less_the_att_header(mtu: int, most: int) -> None:
    assert gatt.packet_bytes_max(mtu) == most
