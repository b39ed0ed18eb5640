"""The list of fallen models at a start: an older one than the last is not taken."""

import dataclasses
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.bootstrap.trust import ACCEPTED_NAME, accept_model_list, read_model_list
from gateway.cli import main
from gateway.config import Config, defaults_text, parse
from gateway.errors import ConfigError
from tests.attested import issue
from tests.model_lists import LIST_ROOT, Published


@pytest.fixture
def config(tmp_path: Path) -> Config:
    root = x509.load_der_x509_certificate(issue(LIST_ROOT, LIST_ROOT))
    (tmp_path / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    made = parse(defaults_text(), "defaults")
    return dataclasses.replace(
        made,
        gateway=dataclasses.replace(made.gateway, state_dir=str(tmp_path)),
        trust=dataclasses.replace(
            made.trust,
            model_list=str(tmp_path / "mds.jwt"),
            model_list_roots=(str(tmp_path / "root.pem"),),
        ),
    )


def start(config: Config, number: int) -> None:
    """Start with a list of this number."""
    assert config.trust.model_list is not None
    Path(config.trust.model_list).write_bytes(Published(number=number).data)
    accept_model_list(config, read_model_list(config))


def test_an_older_list_than_the_last_one_is_refused(config: Config) -> None:
    start(config, 7)
    start(config, 7)
    start(config, 9)
    with pytest.raises(ConfigError, match=r"number 7, and number 9 was accepted"):
        start(config, 7)
    start(config, 9)


def test_another_publishers_numbers_are_its_own(config: Config) -> None:
    start(config, 9)
    kept = Path(config.gateway.state_dir) / ACCEPTED_NAME
    kept.write_text(kept.read_text().replace("mds.", "other."))
    start(config, 7)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"number": "9"}', "[" * 3000])
def test_what_is_kept_and_is_rubbish_says_nothing(config: Config, text: str) -> None:
    kept = Path(config.gateway.state_dir) / ACCEPTED_NAME
    kept.write_text(text)
    start(config, 7)
    assert '"number": 7' in kept.read_text()


def test_where_it_cannot_be_kept_the_gateway_starts_all_the_same(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    (Path(config.gateway.state_dir) / "model-list.new").mkdir()
    start(config, 7)
    assert "was not kept" in caplog.text


def test_no_list_is_no_list(config: Config) -> None:
    bare = dataclasses.replace(
        config, trust=dataclasses.replace(config.trust, model_list=None)
    )
    found = read_model_list(bare)
    accept_model_list(bare, found)
    assert found is None
    assert not (Path(config.gateway.state_dir) / ACCEPTED_NAME).exists()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("", '[[holiday]]\nid = "x"\ncalendar = "/not/there.ics"', "calendar"),
        ("roots = []", 'roots = ["/not/there.pem"]', "trust root"),
    ],
)
def test_check_config_opens_what_the_config_names(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    says: str,
) -> None:
    path = tmp_path / "gateway.toml"
    text = defaults_text()
    path.write_text(text.replace(old, new, 1) if old else f"{text}\n{new}\n")
    assert main(["check-config", "--config", str(path)]) == 78
    assert says in capsys.readouterr().err
