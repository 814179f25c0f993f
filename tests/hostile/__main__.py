"""`python -m tests.hostile`: every attack, how it ends, what it takes."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from .test_attacks import ATTACKS, MEMORY, faults, watched

SECONDS = 1


def main() -> int:
    """Prints a table, the slowest last. Returns 1 where an attack did not end as it must, or took too much."""
    with tempfile.TemporaryDirectory() as folder:
        told = watched(ATTACKS, Path(folder))
    bad = 0
    for name, one in sorted(told.items(), key=lambda item: item[1].get("seconds", 0)):
        wrong = faults(one) + (["slow"] if one.get("seconds", 0) > SECONDS else [])
        bad += bool(wrong)
        end = one.get("end", one.get("broken", "")).partition("\n")[0][:70]
        row = f"{name[:48]:48} {one.get('seconds', 0):6.3f} s {one.get('mib', 0):6.1f} MiB  {end}"
        sys.stdout.write(f"{row}  {' '.join(wrong).upper()}\n")
    sys.stdout.write(f"{len(told)} attacks, {bad} failed; limits {SECONDS} s of CPU and {MEMORY} MiB\n")
    return int(bad > 0 or len(told) < len(ATTACKS))


if __name__ == "__main__":
    sys.exit(main())
