"""What is built says from which commit: byzsgd/COMMIT, which `info.json` of every run then quotes."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DESCRIBE = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]


class CommitHook(BuildHookInterface):
    """Of a checkout; an sdist has the file already."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or not (Path(self.root) / ".git").exists():
            return
        commit = subprocess.run(DESCRIBE, cwd=self.root, capture_output=True, text=True, check=True).stdout
        self.folder = tempfile.TemporaryDirectory()
        file = Path(self.folder.name) / "COMMIT"
        file.write_text(commit)
        build_data["force_include"][str(file)] = "byzsgd/COMMIT"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()
