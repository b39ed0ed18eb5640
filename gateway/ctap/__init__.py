"""Sans-I/O CTAP2 over Bluetooth LE (CTAP 2.2, section 11.4)."""
