"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from benchmarks.measure import THREADS

_PACKAGES = (
    "regkit",
    "torch",
    "triton",
    "SimpleITK",
    "antspyx",
    "picsl-greedy",
    "itk-elastix",
    "convexAdam",
)


def describe(device: str = "cpu", threads: int = THREADS) -> dict[str, str]:
    """Device, processor, memory, system, versions and how busy the machine is, as words."""
    return {
        "device": device_name(device),
        "processor": f"{processor()}, {cores()} cores visible, {threads} threads used",
        "memory": f"{total_memory() / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {found}" for name in _PACKAGES if (found := _version(name))),
        "load": f"{os.getloadavg()[0]:.1f} (one-minute average when the run began)",
    }


def device_name(device: str) -> str:
    """The name of a GPU, as its driver tells it; else ``device`` itself."""
    there = device.startswith("cuda") and torch.cuda.is_available()
    return f"{device}, {torch.cuda.get_device_name(device)}" if there else device


def processor() -> str:
    """The name of the processor, as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def total_memory() -> float:
    """Bytes of memory."""
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def available_memory() -> float:
    """Bytes that a new process may take without swapping; all there is, where none can tell."""
    info = Path("/proc/meminfo")
    lines = info.read_text().splitlines() if info.exists() else []
    found = [float(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
    return found[0] if found else total_memory()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
