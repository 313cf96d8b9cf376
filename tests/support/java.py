"""Java programs of the examples, built by Maven once for each state of their source."""

import shutil
import subprocess
from pathlib import Path

from tests.support.cache import made_once


def why_not() -> str | None:
    """Say in a sentence why Java programs cannot be built here, or None when they can."""
    missing = [command for command in ("javac", "mvn") if shutil.which(command) is None]
    return f"this test builds a Java program; there is no {' and no '.join(missing)} on the path" if missing else None


def built(folder: Path) -> Path:
    """The `target` folder of this Maven project."""
    sources = [folder / "pom.xml", *sorted((folder / "src").rglob("*.java"))]

    def make(new: Path) -> None:
        shutil.copytree(folder, new, dirs_exist_ok=True, ignore=shutil.ignore_patterns("target"))
        maven = subprocess.run(("mvn", "-q", "-B", "package"), cwd=new, capture_output=True, text=True, check=False)
        if maven.returncode != 0:
            raise RuntimeError(f"Maven could not build {folder}:\n{maven.stdout}{maven.stderr}")

    return made_once(f"java-{folder.name}", sources, make) / "target"
