"""What the posterior benches share: a folder of tasks with reference draws, a file ``NAME.npz`` for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.errors import DataError, SettingError

__all__ = ["TaskFiles"]


@dataclasses.dataclass(frozen=True)
class TaskFiles:
    """The tasks of a bench that a folder has.

    Args:
        bench: for messages.
        folder: of the user.
        names: of the tasks, in the order in which they are run.
        strange: names of files that no task is declared for, and that are passed over.
    """

    bench: str
    folder: Path
    names: Sequence[str]
    strange: Sequence[str] = ()

    @classmethod
    def of(cls, bench: str, folder: Path, names: Sequence[str], known: Mapping[str, Any]) -> TaskFiles:
        """What there is to run.

        Args:
            bench: for messages.
            folder: of the user.
            names: that were asked for; none: all whose files are there.
            known: the declared tasks by name.

        Raises:
            SettingError: for a task that is not declared.
            DataError: for a file that is not there.
        """
        if undeclared := [name for name in names if name not in known]:
            raise SettingError(
                f"bench {bench}: there is no task {undeclared[0]!r}",
                expected=", ".join(known),
                got=", ".join(names),
                fix=f"ppgen bench {bench} {folder} --task {next(iter(known))}",
                code="S233",
            )
        found = sorted(path.stem for path in folder.glob("*.npz"))
        there = list(names) or [name for name in known if name in found]
        missing = [name for name in there if name not in found]
        if missing or not there:
            raise DataError(
                f"bench {bench}: {folder} has no file {missing[0] if missing else next(iter(known))}.npz",
                expected=f"a file NAME.npz for each task: {', '.join(known)}",
                got=", ".join(f"{name}.npz" for name in found) or "no such files",
                fix=f"ppgen bench {bench} FOLDER, the folder with the reference draws",
                code="D129",
            )
        return cls(bench, folder, there, [name for name in found if name not in known])

    def __iter__(self) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Each task's name and arrays."""
        for name in self.names:
            with np.load(self.folder / f"{name}.npz", allow_pickle=False) as file:
                yield name, {key: torch.as_tensor(file[key]) for key in file.files}

    def array(self, task: str, arrays: Mapping[str, Tensor], name: str) -> Tensor:
        """One of a task's arrays.

        Args:
            task: its name.
            arrays: of its file.
            name: of the array.

        Raises:
            DataError: if it is not there.
        """
        if name not in arrays:
            raise DataError(
                f"bench {self.bench}: {self.folder / task}.npz has no array {name}",
                expected=f"{name}, with a row for each observation",
                got=", ".join(arrays),
                fix="write the file anew, with numpy.savez",
                code="D130",
            )
        return arrays[name]

    @property
    def caveats(self) -> list[str]:
        """What a reader of the table must know of the folder."""
        if not self.strange:
            return []
        return [f"passed over, as ppgen declares no such task: {', '.join(self.strange)}"]
