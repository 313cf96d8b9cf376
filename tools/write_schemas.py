"""Write the JSON Schema of every record into config/schemas: `make schemas`, after a change of records.

The files are what consumers in other languages build on, so their diff is the review of a change on the wire.
"""

import json
from pathlib import Path

from streams import codec

FOLDER = Path(__file__).parents[1] / "config" / "schemas"


def main() -> None:
    """Replace the folder's files by those of the records as they are now."""
    FOLDER.mkdir(exist_ok=True)
    files = rendered()
    for stale in set(FOLDER.glob("*.json")) - {FOLDER / name for name in files}:
        stale.unlink()
    for name, text in files.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)


def rendered() -> dict[str, str]:
    """File name to text of every schema."""
    return {
        f"{word}.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for word, schema in codec.schemas().items()
    }


if __name__ == "__main__":
    main()
