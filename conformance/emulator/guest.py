"""What the emulated machine runs as its first process: the commands of /commands.json.

What they print goes to its first serial line, what this file says of them, a line of JSON each, to the second one. It
needs Python's own library alone: nothing else is there but what the commands need.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
from pathlib import Path
from typing import Any

RB_POWER_OFF = 0x4321FEDC


def main() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for kind, folder in (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")):
        os.makedirs(folder, exist_ok=True)
        libc.mount(kind.encode(), folder.encode(), kind.encode(), 0, None)
    console, facts_line = (os.open(f"/dev/ttyS{number}", os.O_RDWR) for number in range(2))
    for stream in range(3):
        os.dup2(console, stream)

    def say(**facts: Any) -> None:
        os.write(facts_line, json.dumps(facts).encode() + b"\n")

    processor = Path("/proc/cpuinfo").read_text()
    facts = {key.strip(): value.strip() for key, value in (row.split(":", 1) for row in processor.splitlines() if row)}
    say(processor=facts["model name"], flags=facts["flags"].split(), linux=os.uname().release)
    wanted = json.loads(Path("/commands.json").read_text())
    for command in wanted["commands"]:
        done = subprocess.run(command, cwd=wanted["folder"], env=wanted["environment"], check=False)
        say(command=command, status=done.returncode)
    result = Path(wanted["result"])
    say(result=result.read_text() if result.exists() else None)
    os.closerange(0, facts_line + 1)  # which waits until all has been sent
    libc.reboot(RB_POWER_OFF)


if __name__ == "__main__":
    main()
