"""What tests fetch or build once and keep: folders in the user's cache, named by what they were made of."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path


def made_once(name: str, parts: Sequence[Path], make: Callable[[Path], None]) -> Path:
    """The folder that `make` fills, from these files and nothing else; made now when this is the first time."""
    digest = hashlib.sha256(b"\0".join(part.read_bytes() for part in parts)).hexdigest()[:12]
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = Path(caches, "newsmill", f"{name}-{digest}")
    if home.is_dir():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{home.name}-", dir=home.parent) as folder:
        new = Path(folder, home.name)
        new.mkdir()
        make(new)
        try:
            new.rename(home)
        except OSError:
            if not home.is_dir():  # else another test process was quicker, and its copy is as good
                raise
    return home
