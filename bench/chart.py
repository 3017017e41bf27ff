"""A chart of ratios as SVG, made by hand: bars from 0, a mark where each may end, legible on light and on dark."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

LABELS, PANEL, GAP, BAR, SPACE = 176, 330, 64, 13, 12
TOP, BOTTOM = 62, 34
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.small { font-size: 11px; fill: #59636e }
.title { font-weight: 600 }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.ceiling { stroke: #59636e; stroke-width: 1.5; stroke-dasharray: 4 3 }
.target { stroke: #1f2328; stroke-width: 2.5 }
.b0 { fill: #2a78d6 } .b1 { fill: #d9822b }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .small { fill: #9198a1 } .grid { stroke: #3d444d } .ceiling { stroke: #9198a1 }
  .target { stroke: #f0f6fc } .b0 { fill: #539bf5 } .b1 { fill: #e0a458 }
}
"""


@dataclass(frozen=True)
class Bar:
    """A value of one of the series; `target` is where it may end."""

    series: int
    value: float
    target: float | None


@dataclass(frozen=True)
class Group:
    """The bars of one scenario."""

    label: str
    bars: Sequence[Bar]


def draw(panels: dict[str, Sequence[Group]], series: Sequence[str], caption: str) -> str:
    """Return a picture with a panel for each title, side by side, on one scale that begins at 0."""
    first = next(iter(panels.values()))
    labels = [group.label for group in first]
    most = max(
        max(bar.value, bar.target or 0)
        for groups in panels.values()
        for group in groups
        for bar in group.bars
    )
    end = math.ceil(most * 1.08 * 2) / 2
    heights = [len(group.bars) * BAR + SPACE for group in first]
    bottom = TOP + sum(heights)
    width, height = LABELS + len(panels) * PANEL + (len(panels) - 1) * GAP + 48, bottom + BOTTOM
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(caption)}">',
        f"<style>{_STYLE}</style>",
        _text(0, 16, caption, css="title"),
        *_legend(series),
    ]
    tops = [TOP + sum(heights[:number]) for number in range(len(heights))]
    for label, top, tall in zip(labels, tops, heights, strict=True):
        parts.append(_text(LABELS - 8, top + (tall - SPACE) / 2 + 5, label, anchor="end"))
    for number, (title, groups) in enumerate(panels.items()):
        left = LABELS + number * (PANEL + GAP)
        parts += _axis(left, title, end, bottom)
        for group, top in zip(groups, tops, strict=True):
            for place, bar in enumerate(group.bars):
                parts += _bar(left, top + place * BAR, bar, PANEL / end)
    return "\n".join([*parts, "</svg>\n"])


def _legend(series: Sequence[str]) -> list[str]:
    parts, left = [], 0
    for number, name in enumerate(series):
        parts.append(f'<rect x="{left}" y="27" width="12" height="10" class="b{number}"/>')
        parts.append(_text(left + 17, 36, name))
        left += 34 + 7 * len(name)
    parts.append(f'<line x1="{left + 4}" x2="{left + 4}" y1="26" y2="38" class="target"/>')
    parts.append(_text(left + 13, 36, "target"))
    parts.append(f'<line x1="{left + 75}" x2="{left + 75}" y1="26" y2="38" class="ceiling"/>')
    return [*parts, _text(left + 84, 36, "the ceiling")]


def _axis(left: float, title: str, end: float, bottom: float) -> list[str]:
    parts = [_text(left, TOP - 8, title, css="title")]
    step = 0.5 if end <= 4 else 1 if end <= 8 else 2
    for number in range(int(end / step) + 1):
        x = left + number * step * PANEL / end
        parts.append(_line(x, bottom, "grid"))
        parts.append(_text(x, bottom + 15, f"{number * step:g}", css="small", anchor="middle"))
    return [*parts, _line(left + PANEL / end, bottom, "ceiling")]


def _line(x: float, bottom: float, css: str) -> str:
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" class="{css}"/>'


def _bar(left: float, top: float, bar: Bar, scale: float) -> list[str]:
    width, mark = bar.value * scale, (bar.target or 0) * scale
    # Behind the mark, where it would be under it.
    end = mark if width < mark < width + 36 else width
    parts = [
        f'<rect x="{left}" y="{top}" width="{width:.1f}" height="{BAR - 2}" class="b{bar.series}"/>',
        _text(left + end + 5, top + BAR - 3, f"{bar.value:.2f}", css="small"),
    ]
    if bar.target is not None:
        x = left + mark
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top - 1}" y2="{top + BAR - 1}" class="target"/>')
    return parts


def _text(x: float, y: float, text: str, *, css: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}">{escape(text)}</text>'
