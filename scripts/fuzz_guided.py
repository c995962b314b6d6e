"""Fuzzing led by coverage: one parser at a time, its seeds damaged by libFuzzer, until the seconds are over.

In: a target (see tests/fuzz/targets.py), seconds, a folder for the inputs found (kept from run to run). Out: libFuzzer's own
report; a crash leaves its input in the folder. Needs `pip install atheris` (Apache-2.0), which the project does not: without
it the script says so and ends well. Raises what a parser should not have raised.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Fuzz one target."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--folder", type=Path, default=ROOT / ".fuzz")
    asked = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("fuzz: atheris is not installed; only the hypothesis tests were run")
        return 0
    import atheris

    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]
    with atheris.instrument_imports(include=["parsers", "gateway", "xlrd"]):
        from tests.fuzz.targets import TARGETS

    run, seeds = TARGETS[asked.target]
    corpus = asked.folder / asked.target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed{number}").write_bytes(seed)
    resource.setrlimit(resource.RLIMIT_AS, (4_000_000_000, 4_000_000_000))
    options = [f"-max_total_time={asked.seconds}", "-timeout=20", "-max_len=20000", f"-artifact_prefix={corpus}/crash-"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], run)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
