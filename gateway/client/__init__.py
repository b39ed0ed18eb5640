"""The SDK: everything the gateway's API can do, typed, for waiting and async code."""

from gateway.client.asynchronous import AsyncClient
from gateway.client.blocking import Client
from gateway.client.following import Disconnected, Heartbeat, Item
from gateway.errors import ApiError, UnreachableError
from gateway.printing import printable

__all__ = [
    "ApiError",
    "AsyncClient",
    "Client",
    "Disconnected",
    "Heartbeat",
    "Item",
    "UnreachableError",
    "printable",
]
