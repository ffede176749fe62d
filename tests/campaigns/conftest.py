"""Campaign files as a test writes them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from care.campaigns.campaign_set import CampaignSet
from care.campaigns.load import load_campaigns
from care.campaigns.model import Campaign
from care.segments.book import SegmentBook
from care.segments.load import load_segments

BIRTHDAY = """\
id: birthday
name: birthday
title: {en: Birthday wishes, zh-CN: 生日祝福}
owner: marketing
purpose: greeting
audience: {any: [loyal], none: [open_complaint]}
occasion: {kind: birthday, at: "10:00", feb29: feb28, lunar: true}
channels: [sms, email]
template: birthday
use_within: 8h
holdout: {share: 5%, group: birthday}
values: {benefit: {zh-CN: 10GB流量, en: 10 GB extra data}}
"""


@pytest.fixture
def book(tmp_path: Path) -> SegmentBook:
    """A book with one segment, `loyal`."""
    path = tmp_path / "segments-of-test.yaml"
    path.write_text("loyal: {tenure_years: {at_least: 5}}\n", encoding="utf-8")
    return load_segments(path)


@pytest.fixture
def load(tmp_path: Path, book: SegmentBook) -> Callable[..., CampaignSet]:
    """Write the texts as campaign files, `a.yaml`, `b.yaml` …, and load them."""

    def loading(*texts: str, **more: object) -> CampaignSet:
        folder = tmp_path / "campaigns"
        folder.mkdir(exist_ok=True)
        for name, text in zip("abcdefgh", texts, strict=False):
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        return load_campaigns(folder, book, **more)  # type: ignore[arg-type]  # the keywords of load_campaigns

    return loading


@pytest.fixture
def load_one(load: Callable[..., CampaignSet]) -> Callable[[str], Campaign]:
    """Load one sound campaign."""

    def loading(text: str) -> Campaign:
        found = load(text)
        found.require_sound()
        return next(iter(found))

    return loading


def with_line(key: str, line: str, text: str = BIRTHDAY) -> str:
    """Return the birthday campaign with the line of `key` replaced; an empty `line` drops it."""
    lines = [line if old.startswith(f"{key}:") else old for old in text.splitlines()]
    return "\n".join(one for one in lines if one) + "\n"
