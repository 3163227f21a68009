"""Where the project's rooms lie: the folder that holds `spec/`, `proofs/`, `q35ref/`, `kernels/` and `conformance/`."""

from __future__ import annotations

from pathlib import Path

from q35.errors import InputError

ROOMS = ("spec", "proofs", "q35ref", "kernels", "conformance")


def is_project(folder: Path) -> bool:
    """Whether `folder` has every room of the project."""
    return all((folder / room).is_dir() for room in ROOMS)


def find_project(explicit: Path | None = None) -> Path:
    """The project's root: `explicit`, else the nearest folder upwards from here, else the installed checkout.

    Raises `InputError` when none of them is a q35 project.
    """
    if explicit is not None:
        if not is_project(explicit):
            raise InputError(f"not a q35 project: it needs the folders {', '.join(ROOMS)}", str(explicit))
        return explicit.resolve()
    here = Path.cwd()
    installed = Path(__file__).resolve().parent.parent
    for folder in (here, *here.parents, installed):
        if is_project(folder):
            return folder.resolve()
    raise InputError("no q35 project here", str(here), "run inside a checkout, or name one with --project DIR")
