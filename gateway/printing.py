"""Text of others, made safe for a terminal."""


def printable(text: str) -> str:
    """Replace what could steer a terminal or turn the order of letters."""
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text
    )
