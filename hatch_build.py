"""Builds the line stage, native/ in Rust, into streams/: for a wheel, and in place for a checkout.

Needs cargo. Where there is none, and puccinialin is installed, that fetches Rust into the user's cache.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LIBRARY = {"win32": ("native.dll", "native.pyd"), "darwin": ("libnative.dylib", "native.abi3.so")}
"""What cargo calls it, and what Python looks for."""


class NativeBuildHook(BuildHookInterface):
    """One wheel for Python 3.11 and later of a system: the library keeps to the stable ABI."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        crate = Path(self.root, "native")
        built, wanted = LIBRARY.get(sys.platform, ("libnative.so", "native.abi3.so"))
        command = ["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", str(crate / "Cargo.toml")]
        try:
            subprocess.run(command, check=True, env=os.environ | self._rust())  # noqa: S603 - our own words
        except FileNotFoundError:
            raise SystemExit("Newsmill's line stage is built with Rust 1.83 or later: https://rustup.rs") from None
        except subprocess.CalledProcessError:
            raise SystemExit("Newsmill's line stage could not be built; cargo says why above.") from None
        target = Path(os.environ.get("CARGO_TARGET_DIR", crate / "target"))
        # A new file, not new bytes in the old one: a worker may run from it.
        fresh = Path(self.root, "streams", f"{wanted}.new")
        shutil.copy(target / "release" / built, fresh)
        fresh.replace(fresh.with_name(wanted))
        build_data["artifacts"].append(f"/streams/{wanted}")
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"cp311-abi3-{platform}"

    def _rust(self) -> dict[str, str]:
        """What must be in the environment for cargo to be found."""
        if shutil.which("cargo"):
            return {}
        try:
            from puccinialin import setup_rust
        except ImportError:
            return {}
        return dict(setup_rust())
