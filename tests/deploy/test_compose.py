"""What containers are made from, as far as it can be told without an engine: the image's build and its user, health and
signals; in the compose file every setting and command exists, and the workers share no data folder."""

from __future__ import annotations

import json
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import yaml

from config.settings import ENVIRONMENT, Settings, Smtp
from gateway.cli.arguments import parse
from gateway.web.app import build
from gateway.web.context import Context

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "deploy" / "compose" / "compose.yml"


def test_the_compose_file() -> None:
    services = yaml.safe_load(FILE.read_text())["services"]
    assert set(services) == {"database", "gateway", "worker-1", "worker-2"}
    data = []
    for name in ("gateway", "worker-1", "worker-2"):
        service = services[name]
        assert parse(service.get("command", ["serve"])).run
        assert "MAIL2CAMPAIGN_DATABASE__URL" in service["environment"]
        for variable in service["environment"]:
            section, _, key = variable.removeprefix(ENVIRONMENT).lower().partition("__")
            model = Settings.model_fields[section].annotation
            assert model is not None and key in model.model_fields
        data += [one for one in service["volumes"] if one.endswith(("/data", ":/srv/mail2campaign"))]
    assert len({one.split(":")[0] for one in data}) == 3


def _instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, arguments), continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = (line.strip() for line in text.splitlines())
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in lines if line and not line.startswith("#")]


def test_the_image_is_built_from_what_is_there() -> None:
    """Whatever is copied exists and is not kept out; every package of the wheel is; both stages are of one Python."""
    said = _instructions()
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [args.split()[:-1] for name, args in said if name == "COPY" and "--from" not in args]
    sources = {one for part in copied for one in part}
    assert sources and all((ROOT / one).exists() for one in sources)
    assert all(any(fnmatch(one, pattern) for pattern in kept) for one in sources)  # all else is kept out
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= sources
    bases = [args.split()[0] for name, args in said if name == "FROM"]
    assert len(bases) == 2 and len(set(bases)) == 1
    version = tuple(map(int, bases[0].partition(":")[2].partition("-")[0].split(".")))
    assert version >= tuple(map(int, project["project"]["requires-python"].strip(">=").split(".")))
    runs = " ".join(args for name, args in said if name == "RUN")
    assert runs.count("--require-hashes") == 2  # nothing comes in that the locks do not know


def test_the_image_runs_as_nobody_in_particular() -> None:
    said = dict(_instructions()[[name for name, _ in _instructions()].index("FROM", 1) :])
    assert said["USER"].isdigit() and int(said["USER"]) > 1000  # a number: also where nobody reads /etc/passwd
    entry, command = json.loads(said["ENTRYPOINT"]), json.loads(said["CMD"])  # no shell: signals arrive
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert entry == list(scripts) and parse(command).run
    assert said["STOPSIGNAL"] == "SIGTERM"
    settings = dict(pair.split("=", 1) for pair in said["ENV"].split())
    assert Path(settings["MAIL2CAMPAIGN_CONFIG"]).is_relative_to(said["VOLUME"]) and said["WORKDIR"] == said["VOLUME"]
    port = settings["MAIL2CAMPAIGN_WEB__LISTEN"].rpartition(":")[2]
    assert port in said["EXPOSE"].split()
    words = json.loads(said["HEALTHCHECK"].partition("CMD ")[2])
    assert words[:2] == ["python", "-c"] and f"'127.0.0.1', {port}," in words[2]
    path = words[2].partition("'GET', '")[2].partition("'")[0]
    assert path in {getattr(route, "path", "") for route in build(Context(*[None] * 3, "", "", "fr", 0.0)).routes}  # type: ignore[arg-type]


def test_what_the_services_share_is_declared_and_read_only() -> None:
    whole = yaml.safe_load(FILE.read_text())
    for name, service in whole["services"].items():
        for volume in service["volumes"]:
            source, _, *mode = volume.split(":")
            assert source.startswith("./") or source in whole["volumes"], volume
            if name.startswith("worker") and source.startswith("./"):
                assert mode == ["ro"], volume  # settings and keys belong to the gateway
        if name != "database":
            assert service["read_only"] and service["cap_drop"] == ["ALL"]
            assert service["depends_on"]["database"]["condition"] == "service_healthy"
    gateway = whole["services"]["gateway"]
    inside = {one.rpartition(":")[2] for one in gateway["ports"]}
    listens = [
        place for key in ("mx_listen", "submission_listen", "submissions_listen") for place in getattr(Smtp(), key)
    ]
    assert inside == {
        place.rpartition(":")[2] for place in (*listens, gateway["environment"]["MAIL2CAMPAIGN_WEB__LISTEN"])
    }
    user = next(args for name, args in _instructions() if name == "USER")
    assert f"chown {user} gateway" in FILE.read_text()
