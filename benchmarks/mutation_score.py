"""What share of small faults in estimators and objectives the tests find: ``make mutation``.

One run of the tests notes which test reaches which line. Then each fault of a sample is put into its file, in a forked
process that has all libraries loaded already; the tests that reach its line run there, those of the mirrored test file
first, until one fails. ``benchmarks/mutants.py`` says what faults there are.

    python benchmarks/mutation_score.py --sample 400 --seed 3 [--out benchmarks/results/mutation.md]
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import math
import os
import platform
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import coverage  # noqa: E402
import pytest  # noqa: E402
from mutants import Mutant, mutants_of  # noqa: E402
from trend import append  # noqa: E402

ROOMS = ("objectives", "inference")
OPTIONS = ["-q", "-x", "-m", "not slow", "-p", "no:cacheprovider", "-p", "no:xdist", f"--rootdir={ROOT}"]
# Plugins are loaded when a child begins, as all else is: pytest warns that it cannot rewrite their assertions.
OPTIONS += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
TESTS = [str(ROOT / "tests" / room) for room in ROOMS]
SECONDS = 60  # of processor time, beside four times what its tests take without a fault
MEMORY = 24 * 2**30


class Reach:
    """A pytest plugin: which test reaches which line, and how long each takes."""

    def __init__(self) -> None:
        self.coverage = coverage.Coverage(
            data_file=None, config_file=False, include=[str(ROOT / "ppgen" / r / "*.py") for r in ROOMS]
        )
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Any:
        self.coverage.switch_context(item.nodeid)
        start = time.process_time()
        yield
        self.seconds[item.nodeid] = time.process_time() - start

    def found(self) -> dict[str, Any]:
        data = self.coverage.get_data()
        lines = {file: dict(data.contexts_by_lineno(file)) for file in data.measured_files()}
        return {"lines": lines, "seconds": self.seconds, "modules": _third_party()}


class Only:
    """A pytest plugin: these tests alone, in this order."""

    def __init__(self, wanted: list[str]) -> None:
        self.order = {name: i for i, name in enumerate(wanted)}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = sorted((x for x in items if x.nodeid in self.order), key=lambda x: self.order[x.nodeid])


def _third_party() -> list[str]:
    return [name for name in sys.modules if not name.startswith(("ppgen", "tests", "__"))]


def fork(job: Any, cpu: float) -> int:
    """A child that runs ``job`` quietly and exits with what it returns."""
    if pid := os.fork():
        return pid
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    used = math.ceil(time.process_time())
    resource.setrlimit(resource.RLIMIT_CPU, (used + math.ceil(cpu), used + math.ceil(cpu) + 5))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    code = 1
    try:
        code = int(job())
    finally:
        os._exit(code)


def measure(file: str) -> int:
    reach = Reach()
    reach.coverage.start()
    code = pytest.main([*OPTIONS, *TESTS], plugins=[reach])
    reach.coverage.stop()
    Path(file).write_text(json.dumps(reach.found()), encoding="utf-8")
    return int(code)


def run(path: Path, code: str, wanted: list[str]) -> int:
    """Run tests on a file's changed code; 0 if all pass."""
    plain = SourceFileLoader.get_code

    def get_code(self: Any, name: str) -> Any:
        return compile(code, self.path, "exec") if self.path == str(path) else plain(self, name)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    files = sorted({str(ROOT / name.partition("::")[0]) for name in wanted})
    return int(pytest.main([*OPTIONS, *files], plugins=[Only(wanted)]))


def reaching(mutant: Mutant, reach: dict[str, Any]) -> list[str]:
    """The tests that run a line of the fault's statement; all of them, for a line that its import runs."""
    lines = reach["lines"].get(str(mutant.path), {})
    first, last = mutant.lines
    hit = {c for n, contexts in lines.items() if first <= int(n) <= last for c in contexts}
    near = {c for contexts in lines.values() for c in contexts}
    mirrored = f"tests/{mutant.path.parent.name}/test_{mutant.path.stem}.py::"
    chosen = reach["seconds"] if "" in hit else hit
    return sorted(chosen, key=lambda c: (not c.startswith(mirrored), c not in near, reach["seconds"].get(c, 0.0)))


def sample(files: list[Path], wanted: int, seed: int) -> tuple[list[tuple[Mutant, str]], int]:
    """Faults drawn from each file in proportion to how many it has, with their code; and how many there are in all."""
    rng = random.Random(seed)
    every = {path: mutants_of(path) for path in files}
    total = sum(map(len, every.values()))
    chosen: list[tuple[Mutant, str]] = []
    for mutants in every.values():
        rng.shuffle(mutants)
        share, taken, seen = round(wanted * len(mutants) / total), 0, set()
        for mutant in mutants:
            if taken == share:
                break
            if (code := mutant.code()) and code not in seen:
                seen.add(code)
                chosen.append((mutant, code))
                taken += 1
    rng.shuffle(chosen)
    return chosen, total


def judge(chosen: list[tuple[Mutant, str]], reach: dict[str, Any], jobs: int, until: float) -> list[str]:
    """``killed``, ``timeout``, ``survived``, ``not reached``, or ``not run`` for each fault."""
    verdicts = ["not run"] * len(chosen)
    waiting: dict[int, int] = {}
    queue = list(range(len(chosen)))
    while waiting or queue:
        while queue and len(waiting) < jobs and time.time() < until:
            i = queue.pop(0)
            mutant, code = chosen[i]
            if not (wanted := reaching(mutant, reach)):
                verdicts[i] = "not reached"
                continue
            cpu = SECONDS + 4 * sum(reach["seconds"].get(name, 0.0) for name in wanted)
            waiting[fork(lambda m=mutant, c=code, w=wanted: run(m.path, c, w), cpu)] = i
        if not waiting:
            break
        pid, status = os.wait()
        late = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)
        i = waiting.pop(pid)
        verdicts[i] = "timeout" if late else "survived" if os.waitstatus_to_exitcode(status) in (0, 5) else "killed"
        print(f"{verdicts[i]:9} {_file(chosen[i][0])}:{chosen[i][0].lines[1]}", flush=True)
        if verdicts[i] == "survived":
            print(chosen[i][0].difference(chosen[i][1]), flush=True)
    return verdicts


def report(chosen: list[tuple[Mutant, str]], verdicts: list[str], total: int, command: str) -> str:
    rows = [(m, c, v) for (m, c), v in zip(chosen, verdicts, strict=True) if v != "not run"]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("mutmut", "torch", "pyro-ppl"))
    lines = ["# Mutation score of `ppgen/objectives/` and `ppgen/inference/`", "", f"`{command}`", ""]
    lines += [f"Python {platform.python_version()}, {versions}; {len(rows)} of {total} faults.", ""]
    lines += _table("file", [(_file(m), v) for m, _, v in rows])
    lines += ["", "A timeout counts as found. The error is one standard error of the sample.", ""]
    lines += _table("kind of fault", [(m.kind, v) for m, _, v in rows])
    lines += ["", "## Not found", ""]
    missed = [(m, c, v) for m, c, v in rows if v in ("survived", "not reached")]
    lines += sorted(f"- {_file(m)}:{m.lines[1]} ({v}): {m.difference(c)}" for m, c, v in missed)
    return "\n".join(lines) + "\n"


def _table(head: str, rows: list[tuple[str, str]]) -> list[str]:
    verdicts = ("killed", "timeout", "survived", "not reached")
    lines = [f"| {head} | faults | {' | '.join(verdicts)} | score |", f"|---|{'--:|' * 6}"]
    for name in [*sorted({name for name, _ in rows}), "all"]:
        count = Counter(verdict for key, verdict in rows if name in (key, "all"))
        n, found = count.total(), count["killed"] + count["timeout"]
        error = f" ± {100 * math.sqrt(found * (n - found) / n**3):.1f}"
        cells = " | ".join(str(count[verdict]) for verdict in verdicts)
        lines.append(f"| {name} | {n} | {cells} | {100 * found / n:.0f}{error if name == 'all' else ''}% |")
    return lines


def _file(mutant: Mutant) -> str:
    return f"{mutant.path.parent.name}/{mutant.path.name}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=math.inf, help="what has not begun by then is left out")
    parser.add_argument("--out", type=Path, help="a file for the record; the score goes to the trend beside it")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    start = time.time()
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/reach.json"
        _, status = os.waitpid(fork(lambda: measure(file), 1e5), 0)
        if status:
            raise SystemExit("the tests fail without any fault")
        reach = json.loads(Path(file).read_text(encoding="utf-8"))
    for name in reach["modules"]:
        try:
            importlib.import_module(name)
        except Exception:  # what a test made up, or what cannot be imported by this name
            continue
    print(f"measured in {time.time() - start:.0f} s", flush=True)
    every = sorted(reach["seconds"])
    _, status = os.waitpid(fork(lambda: run(Path("none"), "", every), 1e5), 0)
    if status:  # whatever fails here would count as found
        raise SystemExit("the tests fail in a warm process without any fault")
    files = [path for room in ROOMS for path in sorted((ROOT / "ppgen" / room).glob("*.py")) if path.stem[0] != "_"]
    chosen, total = sample(files, options.sample, options.seed)
    verdicts = judge(chosen, reach, options.jobs, start + 60 * options.minutes)
    command = f"python benchmarks/mutation_score.py --sample {options.sample} --seed {options.seed}"
    text = report(chosen, verdicts, total, command)
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")
        count = Counter(verdicts)
        score = (count["killed"] + count["timeout"]) / (len(verdicts) - count["not run"])
        append(options.out, "mutation_score", f"sample {options.sample}", {"mutation_score": score})


if __name__ == "__main__":
    main()
