"""Which machine and which versions a result belongs to."""

import datetime
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import peers

PACKAGES = ("torch", "keras", "jax", "tensorflow", "tensorflow-cpu", "numpy")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # worth saying where somebody set them


def describe() -> dict[str, str]:
    """Date, processor, memory, system, versions of the packages and of this repository, as label -> text."""
    installed = {name: _version(name) for name in PACKAGES}
    return {
        "date": datetime.date.today().isoformat(),
        "processor": f"{_cpu_model()}, {_usable_cores()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.release()}, {' '.join(platform.libc_ver())}".rstrip(", "),
        "python": platform.python_version(),
        **{name: text for name, text in installed.items() if text},
        "lamina": _commit(),
        **{name: os.environ[name] for name in THREADS if name in os.environ},
    }


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    command = ["git", "-C", str(peers.ROOT), "describe", "--always", "--dirty"]
    try:
        described = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        described = ""
    return f"commit {described}" if described else "no commit"
