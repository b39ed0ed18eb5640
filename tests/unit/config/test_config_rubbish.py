"""Whatever stands in the file, the answer is a Config or a ConfigError with a line."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config import Config, defaults_text, load, parse
from gateway.errors import ConfigError

SENTENCE = re.compile(r"(?s)f\.toml:[1-9][0-9]*: \S.*[.?]")
WITH_VALUES = defaults_text().replace("\n#", "\n").replace("\n ", "\n# ")
LINES = WITH_VALUES.splitlines()

TOML_ISH = st.lists(
    st.sampled_from(
        [*"[]{}\"'=.,#\n\\_- aé\x00\x1b", "door", "release_s", "1", '"""', "'''", "nan"]
    ),
    max_size=60,
).map("".join)


def judge(text: str) -> None:
    try:
        config = parse(text, "f.toml")
    except ConfigError as error:
        message = str(error)
        assert SENTENCE.fullmatch(message), message
        assert message.isprintable(), message
        assert len(message) < 600
    else:
        assert isinstance(config, Config)


@settings(max_examples=300)
@given(st.text(max_size=200) | TOML_ISH)
def test_rubbish(text: str) -> None:
    judge(text)


@settings(max_examples=300)
@given(st.data())
def test_a_file_with_one_place_changed(data: st.DataObject) -> None:
    text = WITH_VALUES
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, min(len(text), start + 30)))
    judge(text[:start] + data.draw(TOML_ISH) + text[stop:])


VALUES = st.sampled_from(
    [
        "-1",
        "1e400",
        "9" * 5000,
        "0x" + "f" * 100,
        "[[[]]]",
        "{}",
        "{a=1}",
        '""',
        "inf",
        "1979-05-27",
        "'\U000e0001'",
        '"\\u0000"',
        "[1, 'a', []]",
        '["/a", "/a"]',
    ]
)


@settings(max_examples=300)
@given(st.sampled_from(LINES), VALUES)
def test_a_setting_with_another_value(line: str, value: str) -> None:
    key, equals, _ = line.partition(" = ")
    judge(WITH_VALUES.replace(line, f"{key}{equals}{value}" if equals else value, 1))


@settings(max_examples=100)
@given(st.lists(st.sampled_from(LINES), max_size=len(LINES)))
def test_lines_in_another_order(lines: list[str]) -> None:
    judge("\n".join(lines))


@settings(max_examples=100)
@given(data=st.binary(max_size=100))
def test_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "f.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=rf"^{re.escape(str(path))}:[1-9][0-9]*: "):
        load(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)
