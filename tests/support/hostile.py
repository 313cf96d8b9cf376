"""`newsmill` with a last stage that misbehaves on request: for tests of what the runtime does then.

Run as `python -m tests.support.hostile …` in place of `newsmill …`. Pool processes import the main module again, so the
stage misbehaves there, too. A release asks for it by a word in its text.
"""

import os
import signal
import time
from dataclasses import replace
from typing import Any

from streams import pipeline
from streams.records import CleanRelease, EnrichedRelease
from streams.runtime.work import Task

HANG, CRASH, BUG, SLOW, CRASH_ONCE = "PLEASE-HANG", "PLEASE-CRASH", "PLEASE-BUG", "PLEASE-BE-SLOW", "DIE-JUST-ONCE:"
SLOW_SECONDS = 0.05

_honest = pipeline.STAGES["tag_entities"]


def _misbehave(release: CleanRelease, kit: Any) -> EnrichedRelease:
    if HANG in release.text:
        while True:
            time.sleep(60)
    if CRASH_ONCE in release.text:
        flag = release.text.partition(CRASH_ONCE)[2].split()[0]
        try:
            os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    if CRASH in release.text:
        os.kill(os.getpid(), signal.SIGKILL)
    if BUG in release.text:
        raise KeyError("a stage's bug")
    if SLOW in release.text:
        time.sleep(SLOW_SECONDS)
    enriched: EnrichedRelease = _honest.apply(release, kit)
    return enriched


pipeline.STAGES = {**pipeline.STAGES, "tag_entities": replace(_honest, apply=_misbehave)}


class HostileTask(Task):
    """A task whose way into a pool process, by pickle, brings this module along."""

    __slots__ = ()


if __name__ == "__main__":
    from streams.runtime.cli import main

    main()
