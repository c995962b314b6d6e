"""Schemathesis, other people's reader of OpenAPI, asks the API what its description allows and what it forbids.

Every operation at its bounds, always the same; `make fuzz` (the profile `search`) goes on with ever new requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from api_kit import Api, api_over
from hypothesis import settings

from store.engine import Database

ROOT = Path(__file__).resolve().parents[3]
# Everything but one check: an address may be of a form that JSON Schema's "email" allows and that no mail server takes.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,"
    "allow_header_conformance,use_after_free,ensure_resource_availability,ignored_auth"
)


class Server(uvicorn.Server):
    """Without signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


@asynccontextmanager
async def served(api: Api) -> AsyncIterator[str]:
    """The application at an address of its own."""
    config = uvicorn.Config(api.reader.app, host="127.0.0.1", port=0, log_config=None, lifespan="off", access_log=False)
    server = Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@pytest.mark.slow
@pytest.mark.peers
async def test_the_api_does_what_its_description_says(db: Database, tmp_path: Path) -> None:
    once = ("--max-examples", "2", "--phases", "examples,coverage,stateful")
    search = ("--max-examples", "20", "--phases", "examples,coverage,fuzzing,stateful", "--max-time", "240")
    async with api_over(db, tmp_path, api={"requests_per_minute": 1_000_000}) as api, served(api) as url:
        form = [("from", None, b"anne@acme.test"), ("subject", None, b"s"), ("text", None, b"t"),
                ("liste", "l.txt", b"a@d.test\nb@d.test\n")]  # fmt: skip
        assert (await api.form("/api/v1/campaigns", form))[0] == 202
        await api.intake()
        tool = Path(sys.executable).with_name("schemathesis")
        process = await asyncio.create_subprocess_exec(
            str(tool), "run", str(ROOT / "docs" / "openapi.json"), "--url", f"{url}/api/v1",
            "--header", f"Authorization: Bearer {api.key}", "--checks", CHECKS,
            *(search if settings().max_examples > 100 else once), "--seed", "1", "--no-shrink", "--warnings", "off",
            "--no-color", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path,
        )  # fmt: skip
        try:
            async with asyncio.timeout(300):
                out, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    said = out.decode("utf-8", "replace")
    assert process.returncode == 0, said[-8000:]
    counted = re.search(r"(\d+) generated, (\d+) passed", said)
    assert counted is not None and int(counted[1]) == int(counted[2]) > 1_000, said[-3000:]
