"""Which copy of the packages is judged: the installed one, or one in a folder of its own (a mutant's)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

PACKAGES = ("q35ref", "q35kernels")
"""Import names of the packages that are judged, and that a mutated copy may replace."""


class OnlyFrom(MetaPathFinder):
    """Finds the named packages in one folder, before any installed copy of them is asked."""

    def __init__(self, root: Path, names: list[str]) -> None:
        self.root, self.names = root, names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top, _, inner = fullname.partition(".")
        if top not in self.names:
            return None
        spec = PathFinder.find_spec(fullname, path if inner else [str(self.root)])
        if spec is None:
            raise ModuleNotFoundError(f"{fullname} is not in {self.root}", name=fullname)
        return spec


def judge_packages_in(root: Path) -> None:
    """Makes every later import of a package that `root` holds come from there; raises ValueError if too late."""
    names = [name for name in PACKAGES if (root / name).is_dir()]
    early = [name for name in names if name in sys.modules]
    if not names or early:
        raise ValueError(f"{root} holds {names}, of which {early} were already imported")
    sys.meta_path.insert(0, OnlyFrom(root, names))
