/** The page's style sheet: one column, light and dark, and a form for paper. No font and no image is fetched. */
export const style = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1a1d21; --quiet: #5a6270; --line: #d8dce2; --raised: #f5f6f8; --good: #14682f; --warn: #8a5300; --bad: #b3231b;
  --c0: #0b62b8; --c1: #b8500b; --c2: #167a4a; --c3: #8a2d9c; --c4: #a8231b; --c5: #0a7480; --c6: #6b5c00; --c7: #50555e; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e6e8eb; --quiet: #a0a8b4; --line: #333a44; --raised: #1d2127; --good: #64cf8a; --warn: #e6b35c; --bad: #ff8a80;
  --c0: #6db5ff; --c1: #ffa666; --c2: #6fdba3; --c3: #dc98ea; --c4: #ff8f87; --c5: #66d5e0; --c6: #e0cf5c; --c7: #b4bac4; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 64rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 1.6rem; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); font-size: 1.2rem; }
h3 { margin: 1.5rem 0 .25rem; font-size: 1rem; }
p, dd { margin: 0; }
p + p { margin-top: .5rem; }
.quiet, caption, dt { color: var(--quiet); }
.badge { display: inline-block; padding: 0 .5em; border: 1px solid currentColor; border-radius: 1em; font-size: .85em; white-space: nowrap; }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; margin: 1.25rem 0 0; }
.cards > div { padding: .6rem .8rem; border-radius: .4rem; background: var(--raised); }
.cards dt { font-size: .85rem; } .cards dd { font-size: 1.15rem; font-weight: 600; } .cards dd small { display: block; font-size: .8rem; font-weight: 400; color: var(--quiet); }
section > dl > div { display: grid; grid-template-columns: minmax(9rem, 14rem) 1fr; gap: 0 1rem; padding: .2rem 0; }
dl { margin: 0; } dd { overflow-wrap: anywhere; }
code { font: .9em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { padding-bottom: .3rem; text-align: left; font-size: .9rem; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--quiet); font-weight: 500; }
tbody th { min-width: 7rem; font-weight: 500; overflow-wrap: anywhere; }
.figure { text-align: right; white-space: nowrap; }
figure { margin: 0 0 1rem; }
figure > svg { display: block; width: 100%; height: auto; }
.grid line { stroke: var(--line); stroke-width: 1; } .grid text { fill: var(--quiet); font: 11px system-ui, sans-serif; }
.curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
.d1 { stroke-dasharray: 7 4; } .d2 { stroke-dasharray: 2 4; } .d3 { stroke-dasharray: 9 3 2 3; }
.c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); } .c3 { stroke: var(--c3); } .c4 { stroke: var(--c4); } .c5 { stroke: var(--c5); } .c6 { stroke: var(--c6); } .c7 { stroke: var(--c7); }
.end { fill: var(--paper); stroke-width: 1.8; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .25rem 0 0; padding: 0; list-style: none; font-size: .9rem; }
.legend svg { width: 30px; height: 10px; margin-right: .4rem; }
details { margin: .25rem 0; } summary { cursor: pointer; color: var(--quiet); }
footer { margin-top: 3rem; font-size: .85rem; color: var(--quiet); }
@media (max-width: 40rem) { .grid text { font-size: 20px; } .curve, .end { stroke-width: 3; } }
@media print {
  :root { color-scheme: light; --paper: #fff; --ink: #000; --quiet: #444; --line: #bbb; --raised: #fff; --good: #14682f; --warn: #8a5300; --bad: #b3231b;
    --c0: #0b62b8; --c1: #b8500b; --c2: #167a4a; --c3: #8a2d9c; --c4: #a8231b; --c5: #0a7480; --c6: #6b5c00; --c7: #50555e; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  figure > svg, tr, .cards > div { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; } .cards > div { border: 1px solid var(--line); }
  details.paper::details-content { content-visibility: visible; height: auto; }
  details:not(.paper), details.paper > summary { display: none; }
}
`;
