#pragma once
// Style sheet and script of report.html. Colours after Okabe and Ito (distinct for colour-blind readers), lightened for
// dark pages.

namespace pathline::tools {

inline constexpr const char* report_style = R"(
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5b6675; --line: #dfe3e8; --paper: #ffffff; --panel: #f6f7f9; --bad: #b3261e; --best: #e3f1ea;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b0548c; --c4: #b07800; --c5: #3f8fc4; --c6: #444b55; --c7: #7a5cc0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #9aa6b5; --line: #343c47; --paper: #14181e; --panel: #1c2129; --bad: #ff8a80; --best: #1d3a30;
  --c0: #56b4e9; --c1: #ff8b45; --c2: #3fcf9f; --c3: #e79cc6; --c4: #f0b93a; --c5: #8fd0ff; --c6: #c3cad4; --c7: #b9a3f5; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; margin: 3rem 0 .4rem; padding-top: 1.4rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
h3 { font-size: 1.08rem; margin: 2.2rem 0 .5rem; }
p, li { max-width: 48rem; } .soft { color: var(--soft); } .lead { color: var(--soft); margin: 0 0 1.2rem; overflow-wrap: anywhere; }
.finding { font-size: 1.06rem; margin: .2rem 0 1.2rem; }
nav { font-size: .93rem; margin: 0 0 1rem; } nav a { color: inherit; margin-right: 1.2rem; }
code { font: .86em ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; margin: .6rem 0; }
.plot { width: 100%; height: auto; display: block; }
.plot text { fill: var(--soft); font-size: 13px; font-family: inherit; } .plot .title { fill: var(--ink); font-size: 14px; }
.plot .grid { stroke: var(--line); stroke-width: 1; } .plot .axis { stroke: var(--soft); stroke-width: 1.2; fill: none; }
.plot .floor { fill: var(--soft); opacity: .12; } .plot .note { font-size: 12px; }
.series { color: var(--ink); transition: opacity .12s; } .series text { fill: var(--ink) !important; }
.curve { fill: none; stroke: currentColor; stroke-width: 2.2; stroke-linejoin: round; } .curve.adaptive { stroke-dasharray: 7 4; }
.series circle, .series rect, .series .point path, .series > path:not(.curve) { fill: currentColor; stroke: var(--paper); stroke-width: 1.4; }
.series .hollow circle, .series .hollow rect, .series .hollow path { fill: var(--paper); stroke: currentColor; }
.plot:has(.series:hover) .series:not(:hover) { opacity: .25; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); } .c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); } .c7 { color: var(--c7); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: .84rem; font-variant-numeric: tabular-nums; }
th, td { padding: .42rem .65rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); vertical-align: top; }
th { background: var(--panel); color: var(--soft); font-weight: 600; } tbody tr:last-child td { border-bottom: 0; }
th:first-child, td:first-child, .left { text-align: left; } .wrap { white-space: normal; overflow-wrap: anywhere; min-width: 12rem; } .bad { color: var(--bad); }
td small { color: var(--soft); font-size: .92em; } td.best { background: var(--best); font-weight: 600; }
.sortable th { cursor: pointer; user-select: none; } .sortable th:hover { color: var(--ink); }
.sortable th[aria-sort=ascending]::after { content: " ↑"; } .sortable th[aria-sort=descending]::after { content: " ↓"; }
.dot { width: .7rem; height: .7rem; border-radius: 50%; background: currentColor; display: inline-block; margin-right: .4rem; }
.strip { display: grid; grid-template-columns: 13.5rem minmax(0, 1fr); gap: .3rem 1rem; align-items: center; margin: .35rem 0; }
.strip img { width: 100%; height: auto; image-rendering: pixelated; border-radius: 4px; display: block; background: #000; }
.strip .what { font-size: .875rem; line-height: 1.35; } .strip .what span.soft { display: block; }
.fixed { border-bottom: 1px solid var(--line); padding-bottom: .6rem; margin-bottom: .6rem; }
button { font: inherit; font-size: .875rem; color: var(--ink); background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .2rem .7rem; margin-right: .4rem; cursor: pointer; }
button[aria-pressed=true] { border-color: var(--soft); background: var(--best); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; margin: .6rem 0; font-size: .93rem; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 42rem) { .strip { grid-template-columns: 1fr; } }
@media print { .buttons, nav { display: none; } }
)";

/// Sorts tables by a click on a heading, and pictures by solver or by cost. The page is complete without it.
inline constexpr const char* report_script = R"(
const number = (cell) => { const v = cell.dataset.value; return v === undefined ? cell.textContent : v === "" ? Infinity : Number(v); };
const order = (a, b) => typeof a === "number" && typeof b === "number" ? a - b || 0 : String(a).localeCompare(String(b));
for (const table of document.querySelectorAll("table.sortable")) {
  table.querySelectorAll("th").forEach((head, column) => head.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    [...body.rows].sort((a, b) => (down ? -1 : 1) * order(number(a.cells[column]), number(b.cells[column]))).forEach((row) => body.append(row));
  }));
}
for (const buttons of document.querySelectorAll(".buttons")) {
  const strips = buttons.nextElementSibling;
  buttons.hidden = false;
  for (const button of buttons.children) button.addEventListener("click", () => {
    for (const other of buttons.children) other.setAttribute("aria-pressed", other === button);
    const key = (strip) => Number(strip.dataset[button.dataset.by]);
    [...strips.children].sort((a, b) => key(a) - key(b) || a.dataset.place - b.dataset.place).forEach((strip) => strips.append(strip));
  });
}
)";

}  // namespace pathline::tools
