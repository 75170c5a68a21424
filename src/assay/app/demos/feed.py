"""What people like in a social feed: made data (assay.testing.feed), with clickbait and bots whose truth is known."""

from pathlib import Path

from assay.config import Config, parse
from assay.front.tables import kept
from assay.runs.store import write_parquet
from assay.testing.feed import make_feed

_ABOUT = (
    "Made data: a program made this feed of 240 users and nine weeks; no person is in it. 8 users are bots, and 5 of 32 authors "
    "write clickbait. A post that is shown is an exposure, a click a view, and a like or a share a review: the target."
)


def config(folder: Path) -> Config:
    """The run of the feed; its log is written into the folder."""
    feed = make_feed()
    write_parquet(kept("events", folder), feed.events)
    write_parquet(kept("posts", folder), feed.posts)
    columns = {"user_id": "user_id", "item_id": "item_id", "event": "action", "timestamp": "timestamp", "position": "position"}
    kinds = {"shown": "exposure", "click": "view", "like": "review", "share": "review"}
    posts = {"item_id": "item_id", "name": "name", "category": "topic", "brand": "author"}
    content = {
        "log": {
            "events": [{"path": str(kept("events", folder)), "columns": columns, "kinds": kinds}],
            "items": {"path": str(kept("posts", folder)), "columns": posts},
        },
        "samples": {"target": "review", "period_days": 1, "warm_up": 7, "validation": 6, "tuning": 6, "test": 6, "available": 3},
        "show": {"title": "A social feed (made data)", "about": _ABOUT, "deed": ("liked", "like")},
    }
    return parse(content, "the demo's config")
