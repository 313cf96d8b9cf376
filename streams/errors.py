"""Three error meanings, one class each: what the caller can do is in the class, what happened is in the reason."""

from enum import IntEnum, StrEnum


class Reason(StrEnum):
    """Why a release became a dead letter. Closed: metrics, headers, filters and docs share these words."""

    UNDECODABLE = "undecodable"
    """The bytes are not what they claim to be: broken JSON, no charset that fits, a broken archive."""
    INVALID = "invalid"
    """Decoded, but a field is missing or has the wrong type or value."""
    TOO_LARGE = "too_large"
    """Over `limits.release_bytes` on the way in, or over the topic's limit on the way out."""
    UNSUPPORTED_FORMAT = "unsupported_format"
    """No format of ours reads this content type."""
    EMPTY = "empty"
    """A usable release without a title and without text."""
    WITHHELD = "withheld"
    """Its producer says `pub_status: withheld`: redrive it when it may go."""
    EMBARGOED = "embargoed"
    """`embargoed_until` lies ahead: redrive it then."""
    SUPERSEDED = "superseded"
    """A higher version of the release came before it, or this version was killed: consumers must not see it."""
    TIMEOUT = "timeout"
    """It alone used up `pool.release_seconds`."""
    CRASHED = "crashed"
    """It killed the process that worked on it, twice."""
    BUG = "bug"
    """A stage raised something that it never should: the detail holds the traceback."""


class Exit(IntEnum):
    """Exit codes of the `newsmill` command, after sysexits.h where it has a word."""

    OK = 0
    FAILED = 1
    """The command ran, and what it checked or did is not all well; also any unexpected error."""
    USAGE = 2
    NO_INPUT = 66
    """A file or folder that was named is not there or cannot be read."""
    UNAVAILABLE = 69
    """The broker, or a topic, cannot be reached."""
    DEAD_LETTER_UNAVAILABLE = 74
    """A dead letter could not be produced: stopped, and nothing of it was acked."""
    STUCK = 75
    """The watchdog saw lag and no progress: start again."""
    DEAD_LETTER_LIMIT = 76
    """Too large a share of releases became dead letters: look before starting again."""
    CONFIG = 78


class Unprocessable(Exception):  # noqa: N818 - it is a verdict on the release, not on the program
    """This release can never pass as it is: dead-letter it and go on."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)  # every field: the error crosses processes by pickle
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class Unavailable(Exception):  # noqa: N818 - as above
    """Something outside is away for now: wait and try again, lose nothing."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Fatal(Exception):  # noqa: N818 - as above
    """Nothing sensible can be done here: stop without acking and say why."""

    def __init__(self, exit_code: Exit, detail: str) -> None:
        super().__init__(exit_code, detail)
        self.exit_code = exit_code
        self.detail = detail

    def __str__(self) -> str:
        return self.detail
