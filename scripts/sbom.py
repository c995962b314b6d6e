"""The bill of materials of what runs: every package of requirements.lock with version, licence and hashes (CycloneDX 1.6,
JSON).

In: requirements.lock, and the packages installed beside it for their licences. Out: the document on standard output. `make
sbom` writes dist/sbom.json. What runs on other platforms only is in it, too, without a licence where it is not installed
here.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import tomllib
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_ENTRY = re.compile(r"(?m)^([a-z0-9-]+)==(\S+)(.*?)(?=^[a-z0-9-]+==|\Z)", re.S)


def bill() -> dict[str, Any]:
    """The whole document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    parts = [_component(found[1], found[2], found[3]) for found in _ENTRY.finditer(lock)]
    own = f"pkg:pypi/mail2campaign@{project['version']}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, own + lock)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application", "bom-ref": own, "purl": own, "name": "mail2campaign", "version": project["version"],
                "description": project["description"], "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": parts,
        "dependencies": [{"ref": own, "dependsOn": [part["bom-ref"] for part in parts]}],
    }  # fmt: skip


def _component(name: str, version: str, rest: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}@{version}"
    part: dict[str, Any] = {"type": "library", "bom-ref": purl, "purl": purl, "name": name, "version": version}
    if (licence := _licence(name)) is not None:
        part["licenses"] = [licence]
    hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})", rest)
    # one a file of the release: which of them is installed depends on the platform
    part["externalReferences"] = [
        {"type": "distribution", "url": purl, "hashes": [{"alg": "SHA-256", "content": one} for one in hashes]}
    ]
    return part


def _licence(name: str) -> dict[str, Any] | None:
    try:
        said = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    expression = said.get("License-Expression")
    if expression:
        return {"expression": expression}
    named = [one.rpartition(" :: ")[2] for one in said.get_all("Classifier") or [] if one.startswith("License :: OSI")]
    text = named[0] if named else (said.get("License") or "").splitlines()[0][:80] if said.get("License") else ""
    return {"license": {"name": text}} if text else None


if __name__ == "__main__":
    print(json.dumps(bill(), indent=1, ensure_ascii=False))
