"""The asyncio shell over core, ctap and the ports."""
