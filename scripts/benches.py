"""All benches one after the other, and their one report: bench/report.md.

In: nothing (see --help). Out: the report, in Markdown, on standard output and in the file: the machine, each bench's table.
Each bench runs by itself, so that one which fails does not take the others along. Returns 1 when a target was missed or a
bench failed.
"""

from __future__ import annotations

import argparse
import ast
import datetime
import subprocess
import sys
from pathlib import Path

from support_bench import machine

HERE = Path(__file__).parent
PATIENCE = 1800  # seconds that one bench may take


def title(script: Path) -> str:
    """What a bench says of itself, in one line."""
    return (ast.get_docstring(ast.parse(script.read_text())) or script.stem).splitlines()[0].rstrip(".")


def measured(script: Path) -> tuple[str, bool]:
    """The table that a bench prints, and whether all its targets were met."""
    try:
        done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return f"It did not end within {PATIENCE // 60} minutes.", False
    table = "\n".join(line for line in done.stdout.splitlines() if line != machine()).strip()
    if not table:
        table = f"It failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}"
    return table, done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--to", type=Path, default=Path("bench/report.md"))
    parser.add_argument("--only", nargs="*", default=[], help="names as in scripts/bench_NAME.py")
    asked = parser.parse_args()
    asked.to.parent.mkdir(parents=True, exist_ok=True)
    now, met = datetime.datetime.now(datetime.UTC), True
    with asked.to.open("w", encoding="utf-8") as file:

        def say(text: str) -> None:
            print(text, flush=True)
            print(text, file=file, flush=True)

        say(f"# mail2campaign measured, {now:%Y-%m-%d %H:%M} UTC\n\n{machine()}")
        for script in sorted(HERE.glob("bench_*.py")):
            if asked.only and script.stem.removeprefix("bench_") not in asked.only:
                continue
            table, all_met = measured(script)
            met = met and all_met
            say(f"\n## {title(script)}\n\n{table}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
