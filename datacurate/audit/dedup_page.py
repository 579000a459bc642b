"""Explanations of deduplication as an HTML page that loads nothing and runs nothing."""

from __future__ import annotations

from datacurate.audit.dedup_cuts import Cuts
from datacurate.audit.dedup_explain import Explanation, Merge
from datacurate.audit.dedup_match import Match, Passage
from datacurate.audit.dedup_show import SOMEWHERE, Piece, alone, chosen, closing, facts, pieces
from datacurate.audit.markup import Markup, e, join, share, tag
from datacurate.audit.report import document

HEAD, TAIL = 3_000, 1_000
"""Characters that are shown of a passage: its beginning and its end."""
PASSAGES = 400
"""Passages that a page shows."""
STYLE = """
body { max-width: 80rem } .pair { display: grid; grid-template-columns: 1fr 1fr; font-size: .87rem }
.pair > div { padding: .35rem .8rem; border-bottom: 1px solid var(--line); white-space: pre-wrap;
  overflow-wrap: anywhere; unicode-bidi: isolate; min-width: 0 }
.pair > .head { font-weight: 600; white-space: normal } .pair > .gone { grid-column: 1 / -1; color: var(--soft) }
mark { background: color-mix(in srgb, var(--good) 22%, transparent); color: inherit; border-radius: 2px }
mark.cut { background: color-mix(in srgb, var(--dropped) 30%, transparent) }
"""


def page(explanation: Explanation) -> str:
    """The whole page."""
    body = [tag("header", tag("h1", e(explanation.id)), tag("p", f"in run {explanation.run}", class_="soft"))]
    if not explanation.merges:
        body.append(tag("pre", e(explanation.life.as_text(), 20_000)))
    body += [_merge(merge) for merge in explanation.merges]
    body += [_cuts(cuts) for cuts in explanation.cuts]
    body += [tag("p", e(line, 2_000)) for line in closing(explanation)]
    return document(f"{explanation.id}: deduplication", join(body), STYLE)


def _merge(merge: Merge) -> Markup:
    listed = tag("ul", [tag("li", e(line, 2_000)) for line in facts(merge)])
    made = [tag("h2", f"Merged by {merge.stage}"), listed]
    if merge.match is not None:
        made.append(_pair(merge, merge.match))
    elif (one := alone(merge)) is not None:
        shown = join([e(text, 20_000) for text, _ in one[1]])
        made.append(tag("p", e(one[0]), class_="soft"))
        made.append(tag("div", tag("div", shown, dir="auto"), class_="pair", style="grid-template-columns:1fr"))
    return join(made)


def _pair(merge: Merge, match: Match) -> Markup:
    note = f"Runs of at least {match.ngram} {match.unit} that both have are marked."
    if match.clipped:
        note += f" Compared are the first {len(match.left):,} of {match.left_length:,} characters, and "
        note += f"{len(match.right):,} of {match.right_length:,}."
    heads = [tag("div", e(merge.chain[0].id), class_="head"), tag("div", e(merge.event.survivor), class_="head")]
    first, last, left_out = chosen(match.passages, PASSAGES)
    gone = tag("div", f"… {left_out:,} passages are left out …", class_="gone") if left_out else None
    cells = [_passage(match, one) for one in first], gone, [_passage(match, one) for one in last]
    return join([tag("p", note, class_="soft"), tag("div", heads, *cells, class_="pair")])


def _passage(match: Match, passage: Passage) -> Markup:
    left = pieces(match.left, passage.left, match.left_shared, HEAD, TAIL)
    right = pieces(match.right, passage.right, match.right_shared, HEAD, TAIL)
    return join([tag("div", _marked(left), dir="auto"), tag("div", _marked(right), dir="auto")])


def _marked(cell: list[Piece], kind: str | None = None) -> Markup:
    limit = HEAD + TAIL + 100
    return join([tag("mark", e(text, limit), class_=kind) if marked else e(text, limit) for text, marked in cell])


def _cuts(cuts: Cuts) -> Markup:
    size = len(cuts.document.text.encode("utf-8", "replace"))
    parts = "1 part was" if cuts.count == 1 else f"{cuts.count:,} parts were"
    said = f"{parts} cut out, {cuts.bytes:,} of {size:,} bytes ({share(cuts.bytes, size)})."
    made = [tag("h2", f"Cut by {cuts.stage}"), tag("p", said), tag("p", cuts.remark) if cuts.remark else None]
    text = pieces(cuts.document.text, (0, len(cuts.document.text)), cuts.spans(), 4 * HEAD, 4 * TAIL)
    shown = [tag("mark", e(t, 20_000), class_="cut") if marked else e(t, 20_000) for t, marked in text]
    made.append(tag("div", tag("div", join(shown), dir="auto"), class_="pair", style="grid-template-columns:1fr"))
    rows = [
        tag("article", tag("p", f"bytes {cut.start:,} to {cut.end:,}, ", *_also_in(cut.survivor)),
            tag("blockquote", e(cut.text), dir="auto"))
        for cut in cuts.cuts
    ]  # fmt: skip
    return join([*made, rows])


def _also_in(survivor: str | None) -> list[Markup | str]:
    return [SOMEWHERE] if survivor is None else ["also in ", tag("code", e(survivor))]
