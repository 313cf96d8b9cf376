"""Node programs of the tests and examples: their packages, installed once from the lock file."""

import shutil
import subprocess
from pathlib import Path

from tests.support.cache import made_once


def why_not() -> str | None:
    """Say in a sentence why Node programs cannot run here, or None when they can."""
    missing = [command for command in ("node", "npm") if shutil.which(command) is None]
    return f"this test runs a Node program, and there is no {' and no '.join(missing)} on the path" if missing else None


def installed(folder: Path) -> Path:
    """A copy of the folder's programs beside the packages that they import."""
    package = [folder / name for name in ("package.json", "package-lock.json")]

    def make(new: Path) -> None:
        for file in package:
            shutil.copy(file, new)
        command = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        npm = subprocess.run(command, cwd=new, capture_output=True, text=True, check=False)
        if npm.returncode != 0:
            raise RuntimeError(f"npm could not fetch the packages of {folder}:\n{npm.stdout}{npm.stderr}")

    home = made_once(f"node-{folder.name}", package, make)
    for program in folder.glob("*.mjs"):
        shutil.copy(program, home)
    return home
