"""Node programs of the tests and examples: their packages, installed once into a cache from the lock file."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

PACKAGE = ("package.json", "package-lock.json")


def why_not() -> str | None:
    """Say in a sentence why Node programs cannot run here, or None when they can."""
    missing = [command for command in ("node", "npm") if shutil.which(command) is None]
    return f"this test runs a Node program, and there is no {' and no '.join(missing)} on the path" if missing else None


def installed(folder: Path) -> Path:
    """A copy of the folder's program beside its packages; they are fetched when this is the first time."""
    lock = hashlib.sha256(b"".join((folder / name).read_bytes() for name in PACKAGE)).hexdigest()[:12]
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = Path(caches, "newsmill", f"node-{lock}")
    if not home.is_dir():
        _fetch(folder, home)
    for program in folder.glob("*.mjs"):
        shutil.copy(program, home)
    return home


def _fetch(folder: Path, home: Path) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{home.name}-", dir=home.parent) as made:
        new = Path(made, home.name)
        new.mkdir()
        for name in PACKAGE:
            shutil.copy(folder / name, new)
        command = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        npm = subprocess.run(command, cwd=new, capture_output=True, text=True, check=False)
        if npm.returncode != 0:
            raise RuntimeError(f"npm could not fetch the packages of {folder.name}:\n{npm.stdout}{npm.stderr}")
        try:
            new.rename(home)
        except OSError:
            if not home.is_dir():  # else another test process was quicker
                raise
