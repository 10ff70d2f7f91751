"""Compile the loops in regkit/kernels/cpp by CMake, for a wheel and for an editable install."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cmake
import nanobind
import ninja
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class LoopsBuildHook(BuildHookInterface):
    """Puts the modules beside the Python files that import them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say that the wheel is one of this platform."""
        program = str(Path(cmake.CMAKE_BIN_DIR) / "cmake")
        with tempfile.TemporaryDirectory(prefix="regkit-build-") as build:
            subprocess.run(
                [
                    program, "-S", self.root, "-B", build, "-G", "Ninja",
                    f"-DCMAKE_MAKE_PROGRAM={Path(ninja.BIN_DIR) / 'ninja'}",
                    f"-DPython_EXECUTABLE={sys.executable}",
                    f"-Dnanobind_ROOT={nanobind.cmake_dir()}",
                ],
                check=True,
            )  # fmt: skip
            subprocess.run([program, "--build", build], check=True)
            subprocess.run([program, "--install", build, "--prefix", self.root], check=True)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["artifacts"].append("regkit/kernels/loops_*")
