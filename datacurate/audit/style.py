"""The report's style sheet: one column of text, light and dark, phone and paper."""

CSS = """
:root {
  color-scheme: light dark;
  --paper: #fdfdfb; --ink: #1d2226; --soft: #5d666e; --line: #dcdfe0; --panel: #f4f5f2;
  --kept: #2c6e91; --dropped: #d18f35; --merged: #8867ae; --quarantined: #bf4438; --rewritten: #aab3b8;
  --s0: #2c6e91; --s1: #c8772a; --s2: #6f8f3a; --s3: #8867ae; --s4: #bf4438; --s5: #3d8f86;
  --s6: #8a6d4f; --s7: #5d666e;
  --good: #2f7a4b; --bad: #b3261e;
}
@media (prefers-color-scheme: dark) { :root {
  --paper: #16191b; --ink: #e4e6e4; --soft: #9aa4aa; --line: #343a3e; --panel: #1f2427;
  --kept: #5ba3c9; --dropped: #dda352; --merged: #a98fd0; --quarantined: #e0766b; --rewritten: #5f6a70;
  --s0: #5ba3c9; --s1: #e39a55; --s2: #9dbb66; --s3: #a98fd0; --s4: #e0766b; --s5: #62b8ae;
  --s6: #b99b7b; --s7: #9aa4aa;
  --good: #6cc08b; --bad: #f08a80;
} }
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100% }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem 5rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 Charter, "Bitstream Charter", "Iowan Old Style", Cambria, Georgia, serif }
h1, h2, h3, th, nav, .tile, .legend, .funnel, .bars, svg, table, summary, footer, .checks {
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .2rem; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin: 3rem 0 .3rem; padding-top: .8rem; border-top: 1px solid var(--line) }
h3 { font-size: .95rem; margin: 1.6rem 0 .4rem; overflow-wrap: anywhere }
p { margin: .4rem 0 .8rem; max-width: 44rem } .soft { color: var(--soft) }
nav { font-size: .82rem; margin: 1rem 0 0; display: flex; flex-wrap: wrap; gap: .2rem 1rem }
nav a { color: var(--kept); text-decoration: none } nav a:hover { text-decoration: underline }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(12.5rem, 1fr)); gap: .75rem; margin: 1.4rem 0 }
.tile { background: var(--panel); border-radius: 6px; padding: .8rem .95rem }
.tile b { display: block; font-size: 1.15rem; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums }
.tile > span { font-size: .8rem; color: var(--soft) }
.good { color: var(--good) } .bad { color: var(--bad); font-weight: 600 }
.checks { list-style: none; padding: 0; font-size: .85rem } .checks li { margin: .15rem 0 }
.wide { overflow-x: auto; margin: .6rem 0 1rem }
table { border-collapse: collapse; font-size: .83rem; line-height: 1.4; min-width: 50% }
th { text-align: left; font-weight: 600; color: var(--soft); vertical-align: bottom }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); overflow-wrap: break-word }
td { vertical-align: top; min-width: 4.5rem; max-width: 22rem }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding: .3rem .5rem }
th.n { white-space: normal; min-width: 4rem }
tfoot td { font-weight: 600; border-bottom: 0 }
.legend { font-size: .78rem; color: var(--soft); display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: .5rem 0 }
.key { display: inline-block; width: .7rem; height: .7rem; border-radius: 2px; margin-right: .35rem;
  vertical-align: -.05rem }
.funnel, .bars { display: grid; gap: .3rem .9rem; align-items: center; font-size: .83rem; margin: .6rem 0 }
.funnel { margin-bottom: 1.2rem; grid-template-columns: minmax(6rem, max-content) 1fr max-content max-content }
.bars { grid-template-columns: minmax(3rem, max-content) 1fr max-content max-content; max-width: 40rem }
.funnel > *, .bars > * { min-width: 0; overflow-wrap: anywhere }
.funnel .n, .bars .n { padding: 0 } .head { color: var(--soft); font-weight: 600 }
.bar { display: flex; height: 1.1rem; background: var(--panel); border-radius: 2px; overflow: hidden }
.bar i { display: block; height: 100% } .bars.way { grid-template-columns: minmax(3rem, max-content) 1fr }
i.s0 { background: var(--s0) } i.s1 { background: var(--s1) }
i.s2 { background: var(--s2) } i.s3 { background: var(--s3) }
i.s4 { background: var(--s4) } i.s5 { background: var(--s5) }
i.s6 { background: var(--s6) } i.s7 { background: var(--s7) }
.bullet { position: relative; overflow: visible; margin-right: 3px }
.mark { position: absolute; top: -2px; bottom: -2px; width: 2px; background: var(--ink) }
.kept { background: var(--kept) } .dropped { background: var(--dropped) } .merged { background: var(--merged) }
.quarantined { background: var(--quarantined) } .rewritten { background: var(--rewritten) }
figure { margin: .8rem 0 } figcaption { font-size: .83rem; color: var(--soft) }
svg { width: 100%; max-width: 44rem; height: auto; display: block; overflow: visible }
svg text { font-size: 11px; fill: var(--soft) } svg .label { fill: var(--ink) }
svg .grid { stroke: var(--line); stroke-width: 1 } svg .axis { stroke: var(--soft); stroke-width: 1 }
svg .column { fill: var(--kept) } svg .bin { opacity: .55 }
svg .in { fill: var(--kept) } svg .out { fill: var(--dropped) }
svg .over { fill: var(--ink); paint-order: stroke; stroke: var(--paper); stroke-width: 4px }
svg .group { stroke-width: 1.2; opacity: .9 }
svg .bound { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 4 3 } svg .now { fill: var(--ink) }
svg .line { fill: none; stroke-width: 1.8; stroke-linejoin: round }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: 0 .9rem }
summary { cursor: pointer; padding: .5rem 0; font-size: .87rem; overflow-wrap: anywhere }
article { border-top: 1px solid var(--line); padding: .7rem 0; font-size: .87rem }
article p { margin: 0 0 .3rem; overflow-wrap: anywhere }
blockquote { margin: .3rem 0 0; padding: .1rem 0 .1rem .8rem; border-left: 3px solid var(--line); white-space: pre-wrap;
  overflow-wrap: anywhere; overflow: hidden; unicode-bidi: isolate; max-height: 16rem }
code, pre { font: .82rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace }
code { overflow-wrap: anywhere } pre { background: var(--panel); padding: .9rem; border-radius: 6px; overflow-x: auto }
footer { margin-top: 4rem; font-size: .78rem; color: var(--soft) }
@media (max-width: 34rem) {
  body { padding: 1.2rem .9rem 3rem }
  .funnel, .bars { gap: .1rem .7rem; grid-template-columns: 1fr max-content max-content }
  .funnel .name, .bars .name { grid-column: 1 / -1; margin-top: .4rem }
  svg text { font-size: 13px }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10.5pt; background: none }
  nav { display: none } * { print-color-adjust: exact; -webkit-print-color-adjust: exact }
  h2, h3, summary { break-after: avoid } article, figure, tr, .tile { break-inside: avoid }
  details::details-content { content-visibility: visible; display: block; height: auto }
  .wide { overflow: visible } blockquote { max-height: none }
}
"""
