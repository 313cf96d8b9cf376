"""Draw the dashboards, from a real worker on Apache Kafka with a bad quarter of a minute: `make dashboards-shot`.

Grafana itself cannot be installed from a package registry; its components can. They draw our JSON with the answers of a
real Prometheus, in headless Chromium. The durations in the queries are shortened, as is the time that is shown.
"""

import asyncio
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support import java, node, scene
from tests.support.house import Release, house
from tests.support.kafka import KafkaCluster
from tests.support.prometheus import filled_in, hasten, prometheus
from tools import write_dashboards

HERE = Path(__file__).parent
PICTURES = HERE.parents[1] / "docs" / "dashboards"

RUNBOOK = "newsmill-runbook"
"""Text, and no picture."""

GOOD_SECONDS, STALL_SECONDS, AFTER_SECONDS = 45.0, 12.0, 30.0


def main() -> None:
    """Write the pictures, or say in a sentence why not."""
    if why := why_not():
        print(f"no pictures: {why}", file=sys.stderr)
        return
    PICTURES.mkdir(exist_ok=True)
    for picture in asyncio.run(_draw()):
        print(picture)


def why_not() -> str | None:
    """What is missing, if anything."""
    missing = [name for name in ("chromium", "prometheus") if shutil.which(name) is None]
    return f"there is no {' and no '.join(missing)} on the path" if missing else node.why_not() or java.why_not()


async def _draw() -> list[Path]:
    os.environ["NPM_CONFIG_LEGACY_PEER_DEPS"] = (
        "true"  # Grafana's packages name peers of theirs that nothing here needs
    )
    home = await asyncio.to_thread(node.installed, HERE)
    with tempfile.TemporaryDirectory() as name, KafkaCluster(1) as cluster:
        folder = Path(name)
        tables: dict[str, Any] = {
            "dead_letter": {"limit_share": 0.5, "limit_minimum": 500},
            "broker": {"request_seconds": 6.0, "session_seconds": 6.0},
            "watchdog": {"probe_seconds": 0.5},
        }
        with house(cluster.bootstrap, folder, "news", **tables) as newsmill:
            await newsmill.create_topics()
            worker = newsmill.start(ready=False)
            with prometheus(folder, [worker.url.removeprefix("http://")]) as watcher:
                await asyncio.to_thread(worker.wait_ready, 180.0)
                began = time.time()
                wire = scene.releases()
                await scene.play(newsmill, wire, GOOD_SECONDS)
                await scene.play(newsmill, itertools.islice(wire, 100), 0.1, per_tick=100)
                await scene.play(newsmill, iter([Release.of("hang", "PLEASE-HANG")]), 0.1)
                cluster.pause_node(1)
                await asyncio.sleep(STALL_SECONDS)
                cluster.resume_node(1)
                await scene.play(newsmill, wire, AFTER_SECONDS)
                job = _job(folder, watcher.url, began, time.time())
                await asyncio.to_thread(_shoot, home, job)
    return sorted(PICTURES.glob("*.png"))


def _job(folder: Path, url: str, began: float, ended: float) -> Path:
    pages = []
    for name, text in write_dashboards.rendered().items():
        page = json.loads(text)
        if page["uid"] == RUNBOOK:
            continue
        for panel in page["panels"]:
            for target in panel.get("targets", ()):
                target["expr"] = hasten(filled_in(target["expr"]))
        pages.append({"dashboard": page, "picture": str(PICTURES / name.replace(".json", ".png"))})
    told = {"prometheus": url, "from": int(began), "to": int(ended), "chromium": shutil.which("chromium")}
    job = folder / "job.json"
    job.write_text(json.dumps({**told, "pages": pages}), encoding="utf-8")
    return job


def _shoot(home: Path, job: Path) -> None:
    subprocess.run(["node", home / "shot.mjs", job], check=True)


if __name__ == "__main__":
    main()
