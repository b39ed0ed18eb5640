"""install.sh from nothing to an appliance and away again, in a folder.

pip and the pin library are played by a small script, all else is real: the shell, the
files, and `keyra` itself. What needs a booted machine is the appliance's to show.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.config import defaults_text

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
EX_USAGE, EX_UNAVAILABLE, EX_SOFTWARE, EX_CONFIG = 64, 69, 70, 78
OWN_LINES = "[pi4]\narm_boost=1\n"

# Plays Python where a network or a board would be needed; is Python otherwise. The
# folder of the test says what happens: `no-lgpio`, `broken-pip`, `foreign-name`.
PYTHON = r"""#!/bin/sh
echo "$*" >>"$STAGE/calls"
case "$*" in
'-m venv'*)
    for place; do :; done
    mkdir -p "$place/bin"
    cp "$STAGE/python" "$place/bin/python"
    printf '#!/bin/sh\n[ "$1" != status ] || exit 0\nexec "%s" -m gateway "$@"\n' \
        "$REAL" >"$place/bin/keyra"
    cp "$place/bin/keyra" "$place/bin/keyra-ledger"
    chmod +x "$place/bin/"*
    ;;
'-m pip '*lgpio*) exit 1 ;;
'-m pip '*' wheel '*)
    while [ "$1" != --wheel-dir ]; do shift; done
    mkdir -p "$2"
    : >"$2/keyra_gateway-0-py3-none-any.whl"
    ;;
'-m pip '*) [ ! -e "$STAGE/broken-pip" ] || { echo "a hash differs"; exit 1; } ;;
*'import lgpio'*) [ ! -e "$STAGE/no-lgpio" ] || { echo "no lgpio"; exit 1; } ;;
*_lgpio*find_spec*) [ ! -e "$STAGE/no-lgpio" ] && touch "$STAGE/lgpio.py" &&
    echo "$STAGE/lgpio.py" ;;
*packages_distributions*) [ ! -e "$STAGE/foreign-name" ] ;;
*platlib*) echo "$STAGE/goal" ;;
*) exec "$REAL" "$@" ;;
esac
"""


# Plays systemd: services of a version that is named in `bad` do not get ready.
SYSTEMCTL = r"""#!/bin/sh
echo "systemctl $*" >>"$STAGE/calls"
case "$*" in
*is-active*)
    ! grep -qxF "$(readlink "$STAGE/machine/opt/keyra/current")" "$STAGE/bad"
    ;;
esac
"""


class Stage:
    """A clone, a folder that stands for a machine, and the part that pip plays."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.clone = top / "clone"
        self.root = top / "machine"
        self.config = top / "door.toml"
        self.config.write_text(defaults_text())
        (top / "goal").mkdir()
        self.clone.mkdir()
        for name in ("install.sh", "pyproject.toml"):
            shutil.copy(ROOT / name, self.clone)
        for name in ("systemd", "locks"):
            shutil.copytree(ROOT / name, self.clone / name)
        for name in ("gateway", "ledger", "tui"):
            (self.clone / name).mkdir()
        (self.clone / "gateway" / "one.py").write_text("ONE = 1\n")
        python = top / "python"
        python.write_text(PYTHON)
        python.chmod(0o755)

    def boot(self) -> None:
        """Let systemd run on the machine."""
        (self.root / "run/systemd/system").mkdir(parents=True)
        (self.top / "bad").touch()
        tools = self.top / "tools"
        tools.mkdir()
        for name, script in (("systemctl", SYSTEMCTL), ("udevadm", "#!/bin/sh\n")):
            (tools / name).write_text(script)
            (tools / name).chmod(0o755)

    def has(self, name: str) -> None:
        (self.top / name).touch()

    def no_longer(self, name: str) -> None:
        (self.top / name).unlink()

    def install(
        self, *words: str, typed: str = "", script: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(script or self.clone / "install.sh"), *words, "--root", self.root],
            cwd="/",
            env={
                "PATH": f"{self.top}/tools:{os.environ['PATH']}",
                "KEYRA_PATIENCE_S": "2",
                "KEYRA_SETTLE_S": "0",
                "STAGE": str(self.top),
                "REAL": sys.executable,
                "KEYRA_PYTHON": str(self.top / "python"),
            },
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )

    def installed(self, *words: str) -> "subprocess.CompletedProcess[str]":
        done = self.install("--unattended", "--config", str(self.config), *words)
        assert done.returncode == 0, done.stderr
        return done

    def change(self) -> None:
        """Another version lies in the clone now."""
        with (self.clone / "gateway" / "one.py").open("a") as source:
            source.write("TWO = 2\n")

    def tree(self) -> dict[str, tuple[int, bytes | str]]:
        """All that is on the machine, with the time of its last change."""
        return {
            str(path.relative_to(self.root)): (
                path.lstat().st_mtime_ns,
                str(path.readlink()) if path.is_symlink() else path.read_bytes(),
            )
            for path in sorted(self.root.rglob("*"))
            if path.is_symlink() or path.is_file()
            if path.name != "lock"
        }

    @property
    def current(self) -> str:
        return str((self.root / "opt/keyra/current").readlink())


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_fresh_machine_becomes_a_gateway(stage: Stage) -> None:
    done = stage.installed()
    assert "is installed" in done.stderr
    system = stage.root / "etc/systemd/system"
    for unit in ("keyra-strike.service", "keyra-gateway.service"):
        assert (system / "multi-user.target.wants" / unit).is_symlink()
        # Through `current`, so that one link switches code and units at once.
        assert str((system / unit).readlink()).startswith("/opt/keyra/current/")
    share = stage.root / "opt/keyra" / stage.current / "share/keyra"
    assert (share / "systemd/keyra-strike.service").is_file()
    for name in (
        "bash-completion/completions/keyra",
        "zsh/site-functions/_keyra",
        "fish/vendor_completions.d/keyra.fish",
        "man/man1/keyra.1",
    ):
        at = (stage.root / "usr/local/share" / name).readlink()
        assert (share / at.relative_to("/opt/keyra/current/share/keyra")).is_file()
    login = (stage.root / "usr/local/bin/keyra-console").readlink()
    shell = share / login.relative_to("/opt/keyra/current/share/keyra")
    assert os.access(shell, os.X_OK)
    config = stage.root / "etc/keyra/gateway.toml"
    assert config.read_text() == stage.config.read_text()
    assert config.stat().st_mode & 0o777 == 0o640
    assert "--line gpio:0:17" in (stage.root / "etc/keyra/strike.env").read_text()
    calls = (stage.top / "calls").read_text()
    assert calls.count("--require-hashes --only-binary :all:") == 2


def test_a_second_run_changes_nothing_and_says_so(stage: Stage) -> None:
    (stage.root / "boot/firmware").mkdir(parents=True)
    (stage.root / "boot/firmware/config.txt").write_text(OWN_LINES)
    stage.installed()
    before = stage.tree()
    done = stage.installed()
    assert "Nothing to do" in done.stderr
    assert stage.tree() == before


def test_a_dry_run_says_each_action_and_does_none(stage: Stage) -> None:
    told = stage.installed("--dry-run")
    assert not stage.root.exists()
    done = stage.installed()
    for action in ("make the environment", "write /etc/keyra/gateway.toml"):
        assert f"would {action}" in told.stderr
        assert action in done.stderr


def test_unattended_without_a_config_it_fails_with_one_sentence(stage: Stage) -> None:
    done = stage.install("--unattended")
    assert done.returncode == EX_CONFIG
    assert done.stderr.splitlines()[-1].endswith("give one with --config FILE.")
    assert not (stage.root / "opt/keyra/current").exists()


def test_pins_and_wiring_are_asked_for(stage: Stage) -> None:
    answers = "a-site door.example Europe/Berlin gw front fail-secure active-high true"
    typed = "\n".join([*answers.split(), "99", "17", "27", *[""] * 20]) + "\n"
    done = stage.install(typed=typed)
    assert done.returncode == 0, done.stderr
    config = (stage.root / "etc/keyra/gateway.toml").read_text()
    assert 'lock = "fail-secure"' in config
    assert "strike = 17" in config
    assert "This is 99; give a whole number, 2 to 27" in done.stderr


def test_who_does_not_answer_gets_a_sentence(stage: Stage) -> None:
    done = stage.install()
    assert done.returncode == EX_CONFIG
    assert "Nobody answers" in done.stderr
    assert not (stage.root / "etc/keyra/gateway.toml").exists()


def test_a_wrong_config_stops_it_before_anything_is_switched(stage: Stage) -> None:
    stage.config.write_text(defaults_text().replace("strike = 17", "strike = 14"))
    done = stage.install("--unattended", "--config", str(stage.config))
    assert done.returncode == EX_CONFIG
    assert "serial console" in done.stderr
    assert not (stage.root / "opt/keyra/current").exists()


def test_an_owner_s_config_is_never_overwritten(stage: Stage) -> None:
    stage.installed()
    config = stage.root / "etc/keyra/gateway.toml"
    config.write_text(defaults_text().replace("strike = 17", "strike = 27"))
    done = stage.installed()
    assert "is kept" in done.stderr
    assert "strike = 27" in config.read_text()
    assert "gpio:0:27" in (stage.root / "etc/keyra/strike.env").read_text()


def test_the_empty_pin_library_is_none(stage: Stage) -> None:
    stage.has("no-lgpio")
    done = stage.install("--unattended", "--config", str(stage.config))
    assert done.returncode == EX_UNAVAILABLE
    assert "python3-lgpio" in done.stderr.splitlines()[-1]
    assert not (stage.root / "opt/keyra/current").exists()


def test_a_python_that_was_named_is_the_one_or_none(stage: Stage) -> None:
    (stage.top / "python").write_text("#!/bin/sh\nexit 1\n")
    done = stage.install("--unattended", "--config", str(stage.config))
    assert done.returncode == EX_UNAVAILABLE
    assert "KEYRA_PYTHON" in done.stderr


def test_a_stranger_who_owns_an_import_name_stops_it(stage: Stage) -> None:
    stage.has("foreign-name")
    done = stage.install("--unattended", "--config", str(stage.config))
    assert done.returncode == EX_SOFTWARE
    assert "owns one of our import names" in done.stderr


def test_an_installation_that_was_cut_off_goes_on(stage: Stage) -> None:
    stage.has("broken-pip")
    done = stage.install("--unattended", "--config", str(stage.config))
    assert done.returncode == EX_SOFTWARE
    assert "a hash differs" in done.stderr
    stage.no_longer("broken-pip")
    stage.installed()


def test_the_firmware_s_file_keeps_the_owner_s_lines(stage: Stage) -> None:
    boot = stage.root / "boot/firmware/config.txt"
    boot.parent.mkdir(parents=True)
    boot.write_text(OWN_LINES)
    done = stage.installed()
    assert "Restart this machine once" in done.stderr
    assert boot.read_text().startswith(OWN_LINES)
    assert boot.read_text().splitlines()[-4:-1] == [
        "[all]",
        "dtparam=strict_gpiod",
        "gpio=17=op,dl",
    ]
    (stage.root / "etc/keyra/gateway.toml").write_text(
        defaults_text().replace("strike = 17", "strike = 27")
    )
    stage.installed()
    assert "gpio=27=op,dl" in boot.read_text()
    assert "gpio=17" not in boot.read_text()
    stage.install("--uninstall")
    assert boot.read_text() == OWN_LINES


def test_an_upgrade_switches_one_link_and_goes_back(stage: Stage) -> None:
    stage.installed()
    old = stage.current
    stage.change()
    assert stage.install("--upgrade").returncode == 0
    new = stage.current
    assert new != old
    assert not (stage.root / "opt/keyra/unproved").exists()
    # Going back needs no clone.
    script = stage.root / "opt/keyra" / new / "share/keyra/install.sh"
    done = stage.install("--rollback", script=script)
    assert done.returncode == 0, done.stderr
    assert stage.current == old
    stage.install("--rollback")
    assert stage.current == new


def test_a_version_that_does_not_get_ready_goes_by_itself(stage: Stage) -> None:
    stage.boot()
    stage.installed()
    old, before = stage.current, stage.tree()
    stage.change()
    (stage.top / "calls").write_text("")
    planned = stage.install("--upgrade", "--dry-run").stderr
    new = planned.partition("/opt/keyra/versions/")[2].split()[0]
    (stage.top / "bad").write_text(f"versions/{new}\n")
    done = stage.install("--upgrade")
    assert done.returncode == EX_SOFTWARE
    assert f"{old} is back and works" in done.stderr
    after = stage.tree()
    assert {path: what for path, (_, what) in before.items()}.items() <= {
        path: what for path, (_, what) in after.items()
    }.items()
    restarts = [
        line
        for line in (stage.top / "calls").read_text().splitlines()
        if "restart" in line
    ]
    assert len(restarts) == 4  # strike and gateway, there and back


def test_where_the_old_version_did_not_work_the_new_one_stays(stage: Stage) -> None:
    stage.boot()
    stage.installed()
    old = stage.current
    (stage.top / "bad").write_text(f"{old}\n")
    stage.change()
    assert stage.install("--upgrade").returncode == 0
    assert stage.current != old


def test_a_door_that_does_not_work_yet_is_said(stage: Stage) -> None:
    stage.boot()
    planned = stage.install("--dry-run", "--config", str(stage.config)).stderr
    version = planned.partition("/opt/keyra/versions/")[2].split()[0]
    (stage.top / "bad").write_text(f"versions/{version}\n")
    done = stage.install("--unattended", "--config", str(stage.config))
    assert done.returncode == 1
    assert "not ready" in done.stderr
    assert "stays secured" in done.stderr
    # Nothing is left to do but to start what does not run.
    again = stage.install("--unattended")
    assert again.returncode == 1
    assert "start the strike" in again.stderr
    assert "(1 changes)" in again.stderr


def test_the_door_is_secured_before_its_files_go(stage: Stage) -> None:
    stage.boot()
    stage.installed()
    done = stage.install("--uninstall")
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert "stop the gateway, then the strike, which secures" in lines[0]


def test_an_upgrade_that_was_cut_off_after_the_switch_is_finished(
    stage: Stage,
) -> None:
    stage.installed()
    (stage.root / "opt/keyra/unproved").write_text("versions/the-one-before\n")
    stage.installed()
    assert not (stage.root / "opt/keyra/unproved").exists()


def test_two_versions_are_kept(stage: Stage) -> None:
    stage.installed()
    for _ in range(3):
        stage.change()
        stage.install("--upgrade")
    kept = {path.name for path in (stage.root / "opt/keyra/versions").glob("*[0-9a-f]")}
    previous = (stage.root / "opt/keyra/previous").readlink()
    assert kept == {Path(stage.current).name, previous.name}


@pytest.mark.parametrize("wrong", ["no-lgpio", "foreign-name", "broken-pip"])
def test_an_upgrade_that_cannot_be_made_leaves_the_old_one(
    stage: Stage, wrong: str
) -> None:
    stage.installed()
    old, before = stage.current, stage.tree()
    stage.change()
    stage.has(wrong)
    assert stage.install("--upgrade").returncode in {EX_SOFTWARE, EX_UNAVAILABLE}
    assert stage.current == old
    assert before.items() <= stage.tree().items()


def test_there_must_be_something_to_upgrade_and_to_go_back_to(stage: Stage) -> None:
    assert stage.install("--upgrade").returncode == EX_USAGE
    stage.installed()
    done = stage.install("--rollback")
    assert done.returncode == EX_USAGE
    assert "no version to go back to" in done.stderr


def test_what_is_left_is_the_ledger_and_what_belongs_to_it(stage: Stage) -> None:
    stage.installed()
    state = stage.root / "var/lib/keyra"
    state.mkdir(parents=True)
    (state / "ledger.db").write_text("a ledger")
    backups = stage.root / "var/backups/keyra"
    backups.mkdir(parents=True, exist_ok=True)
    (backups / "door.age").write_text("the ledger too")
    stamps = stage.root / "var/lib/systemd/timers"
    stamps.mkdir(parents=True)
    (stamps / "stamp-keyra-backup.timer").touch()
    assert stage.install("--uninstall").returncode == 0
    assert sorted(stage.tree()) == [
        "var/backups/keyra/door.age",
        "var/lib/keyra/gateway.toml",
        "var/lib/keyra/ledger.db",
    ]


def test_the_ledger_goes_only_when_told(stage: Stage) -> None:
    stage.installed()
    (stage.root / "var/lib/keyra").mkdir(parents=True)
    (stage.root / "var/lib/keyra/ledger.db").write_text("a ledger")
    (stage.root / "var/backups/keyra").mkdir(parents=True, exist_ok=True)
    (stage.root / "var/backups/keyra/door.age").write_text("the ledger too")
    assert stage.install("--remove-ledger").returncode == EX_USAGE
    assert stage.install("--uninstall", "--remove-ledger").returncode == 0
    assert stage.tree() == {}


def test_a_wheelhouse_that_changed_is_refused(stage: Stage) -> None:
    house = stage.top / "house"
    house.mkdir()
    (house / "one.whl").write_text("what was built")
    (house / "SHA256SUMS").write_text(f"{'0' * 64}  one.whl\n")
    done = stage.install("--unattended", "--offline", str(house))
    assert done.returncode == EX_UNAVAILABLE
    assert "no whole wheelhouse" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--config",),
        ("--config", "/nowhere/door.toml"),
        ("--offline", "/nowhere"),
        ("--upgrade", "--rollback"),
        ("--force",),
        ("--build-wheelhouse",),
        ("--build-wheelhouse", "here", "--for", "3.13-riscv64"),
    ],
)
def test_wrong_use_is_said_in_one_line(stage: Stage, words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [str(stage.clone / "install.sh"), *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == EX_USAGE
    assert len(done.stderr.splitlines()) == 1
