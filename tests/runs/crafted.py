"""Run folders as a stranger could make them, and a process with little memory that opens them one after the other."""

from __future__ import annotations

import copy
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ppgen.runs import RunFolder

__all__ = ["crafted", "main"]

Record = dict[str, Any]
FOREIGN = ("planted_module", "antigravity", "this", "turtle", "xmlrpc.server")
HUGE = 10**9


def crafted() -> Iterator[tuple[str, Callable[[Record], Any]]]:
    """Names, and what each does to the record of a whole run."""
    for role in ("model", "guide", "objective"):
        for name in (*(f"{module}:Thing" for module in FOREIGN), "os:system", "builtins:eval", "ppgen.cli:main", "", 3):
            yield f"{role} is {name}", put(name, role, "class")
        yield f"arguments of {role}", put({"latent_dim": {"$network": "os:system", "arguments": {}}}, role, "arguments")
        yield f"no {role}", put({}, role)
    for name in ("os:system", "planted_module:Net", "torch.nn:Module", "torch.hub:load", "torch.nn:DataParallel", None):
        network = {"$network": name, "arguments": {"command": "touch executed"}}
        yield f"network {name}", put(network, "guide", "arguments", "encoder")
        yield f"class {name}", put({"$class": name}, "guide", "arguments", "encoder")
    yield "a part that is none", put({"$model": "__class__"}, "guide", "arguments", "encoder")
    for sources in ({"model": {"from": "planted_module:Thing", "settings": {}}}, {"guide": {"from": "os:system"}}, 3):
        yield f"sources {sources}", put(sources, "sources")
    for spec in (
        {"name": "mnist", "root": "made/deeply", "download": True},
        {"name": "cifar10", "root": "~/made"},
        {"name": "/etc"},
        {"name": "/dev/zero"},
        {"name": "../made/x.npy"},
        {"name": "digits", "steps": [["__class__", {}]]},
        {"name": "digits", "steps": [["quadrants", {"num": HUGE}]]},
        {"name": "digits", "binarize": "static", "seed": 10**30},
        {"name": ["digits"]},
        {"shell": "touch executed"},
    ):
        yield f"data {spec}", put(spec, "data", "spec")
    yield "rows that fill the memory", put([HUGE], "example", "x", "shape")
    yield "rows of negative length", put([-3], "example", "x", "shape")
    yield "rows of no type", put("load", "example", "x", "dtype")
    yield "layers that fill the memory", put([HUGE, HUGE], "model", "arguments", "hidden")
    yield "layers that nearly fill it", put([60_000, 60_000], "model", "arguments", "hidden")
    yield "a latent that fills the memory", put(HUGE, "model", "arguments", "latent_dim")
    yield "many layers", put([8] * 10**5, "model", "arguments", "hidden")
    yield "a number of epochs", put(HUGE, "settings", "max_epochs")
    yield "settings", put([], "settings")
    yield "facts", put(None, "facts")
    yield "seconds", put("soon", "seconds")
    yield "files outside", put({"../../etc/passwd": "0"}, "files")
    yield "files", put([3], "files")
    yield "weights", put(["a"], "weights")


def put(value: Any, *path: str) -> Callable[[Record], None]:
    """What sets an entry of a record."""

    def change(record: Record) -> None:
        for key in path[:-1]:
            record = record[key]
        record[path[-1]] = value

    return change


def write(run: Path, change: Callable[[Record], Any], original: Record) -> None:
    record = copy.deepcopy(original)
    change(record)
    RunFolder(run).write(record)


def main(whole: Path, place: Path) -> None:
    """Open each, print what was neither refused by name nor as it was, and what was imported."""
    import resource

    import torch

    import ppgen
    from ppgen.cli.runs import open_run

    original = RunFolder(whole).read()
    expected = {name: tensor.clone() for name, tensor in ppgen.load(whole).model.state_dict().items()}
    before = set(sys.modules)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (8 << 30), -1))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run = Path(shutil.copytree(whole, place / "run"))
    calls = []
    sys.addaudithook(lambda event, _: calls.append(event) if event in ("os.system", "subprocess.Popen") else None)
    count = 0
    for name, change in crafted():
        count += 1
        write(run, change, original)
        for opened in (ppgen.load, open_run):
            try:
                found = opened(run).model.state_dict()
                if any(not torch.equal(found[key], tensor) for key, tensor in expected.items()):
                    print("another model from", name)
            except ppgen.errors.PpgenError:
                continue
            except BaseException as error:
                print("raw", name, type(error).__name__, str(error)[:200])
    for text in ("[" * 10**6, '{"a":' * 10**5, "9" * 10**5, "NaN", "{}", "\ud800".encode("utf-8", "replace").decode()):
        count += 1
        (run / "run.json").write_text(text)
        try:
            ppgen.load(run)
            print("accepted", text[:20])
        except ppgen.errors.PpgenError:
            continue
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most
    foreign = {module for module in set(sys.modules) - before if module.partition(".")[0] in FOREIGN}
    print(json.dumps({"count": count, "foreign": sorted(foreign), "calls": calls, "MiB": grown >> 10}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
