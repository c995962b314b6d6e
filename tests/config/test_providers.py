"""Providers: found by MX name, overridden by the operator, read again when a file changes, refused with a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.durations import Plan
from config.providers import CLASSES, SHIPPED, ActionKind, Provider, Providers, ProvidersError, Watch
from config.settings import load

ORANGE = ("smtp-in.orange.fr",)

OWN = """
[provider.orange]
connections = 1
per_hour = 600
retry = "10m, 1h*"
[[provider.orange.rule]]
id = "ours"
pattern = 'OFR_777'
class = "policy"
action = "pause_site 45m"
alert = true
fr = "{name} nous a dit non."
en = "{name} told us no."
source = "a letter"
example = "550 no OFR_777"
[provider.here]
name = "Chez nous"
mx = ['(^|\\.)mx\\.here\\.test$']
source = "ourselves"
"""


def _file(folder: Path, text: str) -> Path:
    path = folder / "providers.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.fixture(scope="module")
def shipped() -> Providers:
    return Providers.load()


def test_a_provider_is_found_by_the_best_mx(shipped: Providers) -> None:
    assert shipped.of(ORANGE).key == "orange"
    assert shipped.of(["SMTP-IN.Orange.FR."]).key == "orange"
    assert shipped.of(("mx.unknown.test", *ORANGE)).key == "orange"
    assert shipped.of(()) is shipped.default
    assert shipped.of(ORANGE) is shipped.of(ORANGE)


def test_a_provider_is_found_by_its_key(shipped: Providers) -> None:
    assert shipped.named("orange") is shipped.of(ORANGE)
    assert shipped.named("default") is shipped.default
    assert shipped.named("nobody") is None


def test_unknown_sites_have_no_limits_of_their_own(shipped: Providers) -> None:
    default = shipped.default
    assert (default.connections, default.messages, default.per_hour, default.retry) == (0, 0, 0, None)
    assert not default.shared


def test_the_operators_file_overrides_and_extends(tmp_path: Path, shipped: Providers) -> None:
    mine = Providers.load(_file(tmp_path, OWN))
    orange, before = mine.of(ORANGE), shipped.of(ORANGE)
    assert (orange.connections, orange.messages, orange.per_hour, orange.burst) == (1, before.messages, 600, 10)
    assert orange.retry == Plan((600_000, 3_600_000), forever=True)
    assert orange.rules[1:] == before.rules
    rule = orange.rule("550 5.1.1 OFR_777 OFR_416")
    assert rule is not None
    assert (rule.id, rule.reply_class, rule.alert) == ("orange.ours", "policy", True)
    assert (rule.action.kind, rule.action.seconds) == (ActionKind.PAUSE_SITE, 2700)
    assert (rule.fr, rule.en) == ("Orange nous a dit non.", "Orange told us no.")
    assert mine.of(["mx.here.test"]).key == mine.all[1].key == "here"
    assert len(mine.all) == len(shipped.all) + 1


def test_a_rule_of_the_same_id_replaces_ours(tmp_path: Path, shipped: Providers) -> None:
    mine = Providers.load(_file(tmp_path, OWN.replace('"ours"', '"unknown"')))
    assert len(mine.of(ORANGE).rules) == len(shipped.of(ORANGE).rules)
    rule = mine.of(ORANGE).rule("550 5.1.1 OFR_416")
    assert rule is None or rule.id != "orange.unknown"


def test_rules_of_another_provider_can_be_taken_over(tmp_path: Path, shipped: Providers) -> None:
    mine = Providers.load(_file(tmp_path, OWN + 'rules_of = "orange"\n'))
    rule = mine.of(["mx.here.test"]).rule("550 OFR_777")
    assert rule is not None
    assert (rule.id, rule.fr) == ("here.ours", "Chez nous nous a dit non.")


def test_a_rule_without_words_has_those_of_its_class(tmp_path: Path) -> None:
    rule = RULE.replace('fr = "f"\nen = "e"\n', "").removeprefix(HERE)
    rules = [rule.replace('"r"', f'"{word}"') + f"pattern = 'a {word}'\nclass = '{word}'\n" for word in CLASSES]
    here = Providers.load(_file(tmp_path, HERE + "".join(rules))).named("here")
    assert here is not None
    for word in CLASSES:
        found = here.rule(f"550 a {word}")
        assert found is not None
        assert found.reply_class == word
        assert len(found.fr) > 40
        assert len(found.en) > 40


HERE = '[provider.here]\nname = "x"\nsource = "y"\nmx = ["a$"]\n'
RULE = HERE + '[[provider.here.rule]]\nid = "r"\nsource = "s"\nfr = "f"\nen = "e"\n'
BAD = {
    "x = ": "no TOML",
    "\udcff": "no TOML",
    "x = 1": "'x' is unknown here",
    "provider = 1": "must be tables",
    "provider.orange = 1": "provider orange: this must be a table",
    "[provider.orange]\ncolour = 1": "provider orange: 'colour' is no key here",
    '[provider.orange]\nconnections = "2"': "connections must be a whole number, not '2'",
    "[provider.orange]\nconnections = true": "connections must be a whole number",
    "[provider.orange]\nmessages = -1": "messages must not be below zero",
    '[provider.orange]\nretry = "soon"': "provider orange: 'soon' is no duration",
    '[provider.orange]\ntls = "never"': "tls must be one of may, must",
    '[provider.orange]\nrules_of = "nobody"': "rules_of names 'nobody'",
    "[provider.orange]\nmx = []": "'mx' is missing",
    "[provider.orange]\nmx = ['orange']": "'orange' must end with $",
    "[provider.orange]\nmx = ['orange|a$']": "write two patterns",
    "[provider.orange]\nmx = [1]": "must end with $",
    "[provider.orange]\nrule = [1]": "rule 1: this must be a table",
    '[provider.here]\nname = "x"': "'source' is missing",
    '[provider.here]\nname = "x"\nsource = "y"': "'mx' is missing",
    HERE.replace("a$", "(a$"): "is no regular expression",
    HERE.replace("a$", ".*a$"): "repeats without a bound",
    RULE: "provider here, rule r: 'pattern' is missing",
    RULE + "pattern = 'a'": "'class' is missing",
    RULE + "pattern = 'a'\nclass = 'kaputt'": "class must be one of authentication, ",
    RULE + "pattern = '('\nclass = 'policy'": "is no regular expression",
    RULE + "pattern = 'a?'\nclass = 'policy'": "fits any text",
    RULE + "pattern = 'a.*b'\nclass = 'policy'": "write .{0,40} instead of .*",
    RULE + "pattern = 'a{2,}'\nclass = 'policy'": "repeats without a bound",
    RULE + "pattern = '(a?){30}b'\nclass = 'policy'": "so many repeats",
    RULE + "pattern = '(a|aa){0,30}b'\nclass = 'policy'": "so many repeats",
    RULE + "pattern = 'a.{0,40}b.{0,40}c'\nclass = 'policy'": "so many repeats",
    RULE + f"pattern = '{'a' * 1001}'\nclass = 'policy'": "longer than 1,000 characters",
    RULE + "pattern = '(a)(?(1)b)'\nclass = 'policy'": "not allowed here",
    RULE + "pattern = 'a'\nclass = 'policy'\naction = 'stop'": "action must be one of none, slow, pause_site",
    RULE + "pattern = 'a'\nclass = 'policy'\naction = 'slow'": "must say how long it lasts",
    RULE + "pattern = 'a'\nclass = 'policy'\naction = 'slow x'": "'x' is no duration",
    RULE + "pattern = 'a'\nclass = 'policy'\naction = 'slow 8d'": "from one second to seven days",
    RULE + "pattern = 'a'\nclass = 'unknown_user'\naction = 'slow 1h'": "blames the recipient",
    RULE + "pattern = 'a'\nclass = 'mailbox_full'\nalert = true": "blames the recipient",
    RULE + "pattern = 'a'\nclass = 'policy'\nexample = 'b'": "does not fit its own example",
    RULE
    + "pattern = 'a'\nclass = 'policy'\n"
    + RULE.split("\n", 4)[4]
    + "pattern = 'a'\nclass = 'policy'": "two rules",
    RULE.replace('fr = "f"', 'text = "nothing"') + "pattern = 'a'\nclass = 'policy'": "no text 'nothing'",
    '[text.a]\nfr = "f"\n'
    + RULE.replace('fr = "f"\nen = "e"', 'text = "a"')
    + "pattern = 'a'\nclass = 'policy'": "its explanation in 'en' is missing",
}


@pytest.mark.parametrize("text", BAD, ids=list(BAD.values()))
def test_a_bad_file_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "providers.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ProvidersError) as refused:
        Providers.load(path)
    sentence = str(refused.value)
    assert sentence.startswith(f"{path}: ")
    assert BAD[text] in sentence
    assert "\n" not in sentence


def test_a_file_that_is_missing_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProvidersError, match="cannot be read"):
        Providers.load(tmp_path / "nowhere.toml")
    with pytest.raises(ProvidersError, match="larger than"):
        Providers.load(_file(tmp_path, "#" * 2_000_001))
    with pytest.raises(ProvidersError, match=r"no \[provider.default\]"):
        Providers.load(None, shipped=_file(tmp_path, ""))


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _log(text: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_watch_reads_again_what_changed_and_keeps_the_old_beside_a_bad_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock, path = _Clock(), tmp_path / "providers.toml"
    watch = Watch(path, clock=clock)

    def orange() -> Provider:
        return watch.current().of(ORANGE)

    assert orange().connections == 2  # no file: what we ship
    _file(tmp_path, OWN)
    assert orange().connections == 2  # looked less than a second ago
    clock.now += 1
    assert orange().connections == 1
    first = watch.current()
    clock.now += 1
    assert watch.current() is first
    _file(tmp_path, OWN.replace("connections = 1", "connections = x"))
    clock.now += 1
    assert watch.current() is first
    clock.now += 1
    assert watch.current() is first
    logged = _log(capsys.readouterr().err)
    assert [row["event"] for row in logged] == ["providers_refused"]  # once, not at every look
    assert str(path) in logged[0]["why"]
    _file(tmp_path, OWN.replace("connections = 1", "connections = 3"))
    clock.now += 1
    assert orange().connections == 3
    path.unlink()
    clock.now += 1
    assert orange().connections == 2


def test_a_change_of_the_same_length_is_seen(tmp_path: Path) -> None:
    clock, path = _Clock(), _file(tmp_path, OWN)
    watch = Watch(path, clock=clock)
    assert watch.current().of(ORANGE).connections == 1
    _file(tmp_path, OWN.replace("connections = 1", "connections = 4"))
    os.utime(path, ns=(1, 1))
    clock.now += 1
    assert watch.current().of(ORANGE).connections == 4


def test_a_watch_that_starts_beside_a_bad_file_knows_what_we_ship(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Watch(_file(tmp_path, "x = ")).current().of(ORANGE).connections == 2
    assert "providers_refused" in capsys.readouterr().err


def test_the_setting_names_the_operators_file(tmp_path: Path) -> None:
    settings = tmp_path / "mail2campaign.toml"
    settings.write_text("", "utf-8")
    assert load(settings).providers_file == tmp_path / "data" / "providers.toml"
    settings.write_text('[delivery]\nproviders = "ours/limits.toml"\n', "utf-8")
    assert load(settings).providers_file == tmp_path / "ours" / "limits.toml"


def test_the_pack_loads_in_an_instant() -> None:
    code = (
        "import time, tomllib; from config.providers import SHIPPED, Providers\n"
        "def best(make):\n"
        "    spent = []\n"
        "    for _ in range(8):\n"
        "        start = time.process_time(); make(); spent.append(time.process_time() - start)\n"
        "    return min(spent)\n"
        "text = SHIPPED.read_text('utf-8')\n"
        "print(best(Providers.load), best(lambda: tomllib.loads(text)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    load, parse = map(float, ran.stdout.split())
    # a machine that is busy elsewhere takes longer for everything
    assert load < 0.05 or load < 2 * parse
    assert SHIPPED.stat().st_size < 100_000
