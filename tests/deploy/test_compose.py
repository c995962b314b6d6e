"""The compose file: every setting that it makes exists, every command too, and the workers share no data folder."""

from __future__ import annotations

from pathlib import Path

import yaml

from config.settings import ENVIRONMENT, Settings
from gateway.cli.arguments import parse

FILE = Path(__file__).resolve().parents[2] / "deploy" / "compose" / "compose.yml"


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
