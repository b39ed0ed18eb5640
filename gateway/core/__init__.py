"""Pure core: no asyncio, I/O, clock, randomness or logging; time is an argument."""
