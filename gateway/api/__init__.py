"""The local HTTP interface of the gateway."""

from gateway.api.app import create_app
from gateway.api.rights import Rights
from gateway.api.server import serve

__all__ = ["Rights", "create_app", "serve"]
