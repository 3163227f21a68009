"""`python -m conformance.emulator --bochs SOURCES --kernel VMLINUZ`: the tests of AMX, where there is none.

Runs the C++ tests with guard pages and the conformance tests of the products, both with the instruction set `amx`, on a
processor that Bochs emulates, and writes what was compared to kernels/measured, to be committed. SOURCES is the folder
of Bochs's sources that has `configure` (3.0 or later), VMLINUZ a Linux kernel that knows `setcpuid=` (7.2 does). It
takes some minutes; nothing on the machine at hand is changed. Debian's packages cpio, g++, grub-pc-bin, make, mtools
and xorriso are needed beside what the project installs.

Exit codes: 0 all passed, 1 an input or a tool is wrong, 3 a test failed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema

import q35spec
from conformance.emulator import bochs, image
from q35.certify.machine import checkout
from q35.errors import CheckFailed, InputError, Q35Error
from q35.files import cache_folder, canonical_json, sha256_file, write_whole
from q35kernels import build_variant
from q35kernels.sources import SOURCES, source_sha256_of

REPOSITORY = Path(__file__).parent.parent.parent
SCHEMA = "q35.emulated/1"
ISA = "amx"
MEASURED = REPOSITORY / "kernels" / "measured" / f"{ISA}-emulated.json"
LIMIT_S = 3600.0

TESTS = ("pytest", "conformance/test_linear.py", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--q35-fresh")
ENVIRONMENT = {"OMP_THREAD_LIMIT": "1", "HOME": "/", "PATH": "/usr/bin:/bin"}
"""One thread: Bochs up to 3.1 does not keep all of the tile registers when it changes from one to another."""

TOTAL = re.compile(r"^total: (\d+) compared, (\d+) failed$")


def emulated(sources: Path, kernel: Path, limit_s: float) -> dict[str, Any]:
    """Builds the emulator and its machine's disk, and runs the tests there; what they compared.

    Raises CheckFailed when a test failed or compared nothing.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    if SOURCES.resolve() != (REPOSITORY / "kernels" / "cpu").resolve():
        raise InputError("the kernels that are installed are not this checkout's", str(SOURCES), "pip install -e .")
    bochs.check_sources(sources)
    image.check_kernel(kernel)
    lines: list[str] = []

    def show(line: str) -> None:
        lines.append(line)
        print(line, file=sys.stderr, flush=True)

    program = bochs.build(sources, cache_folder() / "emulator", show)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cpp_tests = build_variant.build_tests(SOURCES, folder, sanitize=False, program="q35_kernel_tests")
        report = folder / "report.json"
        tests = (*TESTS, f"--q35-report={report}")
        files = image.files_of(tests, REPOSITORY) | {cpp_tests}
        commands = [[str(cpp_tests), ISA], [sys.executable, "-m", *tests, "-k", ISA]]
        description: dict[str, Any] = {"commands": commands, "environment": ENVIRONMENT}
        description |= {"folder": str(REPOSITORY), "result": str(report)}
        image.make_image(kernel, files, description, folder / "disk.iso")
        about, *ended, result = bochs.run(program, folder / "disk.iso", folder, limit_s, show)
    for facts in ended:
        if facts["status"]:
            raise CheckFailed(f"failed on the emulated processor: {' '.join(facts['command'])}")
    amx = sha256_file(sources / bochs.PRODUCTS)
    session = json.loads(result["result"])
    totals = next(filter(None, map(TOTAL.match, lines)), None)
    if totals is None:
        raise CheckFailed("the C++ tests passed without a word of what they compared", "the emulated console")
    subject = session["compared"][f"kernel-{ISA}"]
    return {
        "schema": SCHEMA,
        "started": started,
        "emulator": {"name": "Bochs", "version": bochs.version(sources), "amx_sha256": amx},
        "processor": about["processor"],
        "flags": sorted(flag for flag in about["flags"] if flag.startswith(("amx", "avx512"))),
        "linux": about["linux"],
        "kernel_sources": source_sha256_of(SOURCES),
        "checkout": checkout(REPOSITORY),
        "cpp_tests": {"compared": int(totals[1]), "failed": int(totals[2])},
        "conformance": {"verdict": session["verdict"], **subject},
    }


def main() -> None:
    """Runs this as a program."""
    parser = argparse.ArgumentParser(prog="python -m conformance.emulator", description="AMX on an emulated processor.")
    parser.add_argument("--bochs", type=Path, required=True, metavar="SOURCES", help="the folder with its configure")
    parser.add_argument("--kernel", type=Path, required=True, metavar="VMLINUZ", help="the emulated machine's Linux")
    parser.add_argument("--out", type=Path, default=MEASURED, metavar="FILE", help="where to write what was compared")
    parser.add_argument("--limit", type=float, default=LIMIT_S, metavar="SECONDS", help="how long the machine may run")
    options = parser.parse_args()
    try:
        document = emulated(options.bochs.resolve(), options.kernel, options.limit)
        jsonschema.validate(document, q35spec.schema("emulated"))
        write_whole(options.out, canonical_json(document))
    except Q35Error as error:
        print(f"q35: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    print(summary(document))


def summary(document: dict[str, Any]) -> str:
    """The result in one line."""
    emulator, tests = document["emulator"], document["conformance"]
    compared = tests["exhaustive"] + tests["sampled"] + tests["all-inputs"]
    return (
        f"amx on {document['processor']}, emulated by {emulator['name']} {emulator['version']}: "
        f"{document['cpp_tests']['compared']:,} comparisons of the C++ tests, {compared:,} of {tests['tests']} "
        "conformance tests, none failed"
    )


if __name__ == "__main__":
    main()
