"""The local HTTP interface of the gateway."""
