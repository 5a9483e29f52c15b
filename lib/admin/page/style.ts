/** The page's style: light and dark, down to 360 px. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f3f5f8; --card: #fff; --field: #fff; --edge: #d3d9e2; --strong-edge: #7d8899;
  --text: #1b222c; --muted: #566171; --accent: #0b5fc2; --on-accent: #fff;
  --good: #136f3c; --warn: #8a5600; --bad: #b3261e; --second: #8a3fb0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e1217; --card: #171d25; --field: #0e1217; --edge: #2b3441; --strong-edge: #748296;
    --text: #e5eaf1; --muted: #9ba8b9; --accent: #6db3ff; --on-accent: #08131f;
    --good: #4fc98c; --warn: #f2b84b; --bad: #ff8078; --second: #d39bf2;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums;
}
h1, h2, h3, p, dl, dd, ul, ol { margin: 0; padding: 0; }
h1 { font-size: 1.3rem; }
h1 small { font-size: .85rem; font-weight: 400; color: var(--muted); }
h2 { font-size: 1.1rem; }
h3 { font-size: .9rem; font-weight: 600; }
code, td.address .first, td.address, td.path, pre, textarea { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .87rem; }
.muted { color: var(--muted); }
.bad { color: var(--bad); }
.empty { color: var(--muted); padding: 1rem; }
[hidden] { display: none !important; }
.visually-hidden {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
.skip { position: absolute; left: -99rem; padding: .5rem 1rem; background: var(--card); z-index: 2; }
.skip:focus { left: .5rem; top: .5rem; }

header { padding: 1rem clamp(.75rem, 3vw, 2rem) 0; }
main { padding: 1rem clamp(.75rem, 3vw, 2rem) 5rem; display: grid; gap: 1.75rem; }
main > section { display: grid; gap: .75rem; min-width: 0; }
main, .facts { transition: opacity .2s; }
.stale main, .stale .facts { opacity: .7; }
.top, .toolbar, .title, .pager { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem .75rem; }
.toolbar, .pager { margin-left: auto; }
nav, footer { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin-top: .75rem; }
a { color: var(--accent); }
h2 { scroll-margin-top: 1rem; }
.facts { display: flex; flex-wrap: wrap; gap: .35rem 1.75rem; margin-top: .6rem; }
.facts dt { color: var(--muted); font-size: .8rem; }
#alert {
  position: fixed; inset: auto 0 0; z-index: 1; padding: .6rem 1rem; text-align: center;
  background: var(--card); border-top: 2px solid var(--bad);
}
#notice {
  position: fixed; inset: auto 1rem 1rem; margin: 0 auto; width: fit-content; max-width: calc(100% - 2rem);
  padding: .6rem 1rem; border-radius: .4rem; background: var(--card); border: 1px solid var(--good);
  box-shadow: 0 .25rem 1rem #0004; overflow-wrap: anywhere; transition: opacity .2s;
}
.stale #notice { bottom: 4.5rem; }
#notice.bad { border-color: var(--bad); }
#notice.gone { opacity: 0; pointer-events: none; }

button, input, select, textarea {
  font: inherit; color: inherit; background: var(--field); border: 1px solid var(--strong-edge);
  border-radius: .35rem; padding: .3rem .6rem; min-width: 0;
}
textarea { resize: vertical; font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
::placeholder { color: var(--muted); opacity: 1; }
button { cursor: pointer; background: var(--card); font-weight: 500; white-space: nowrap; }
button:hover:enabled { border-color: var(--accent); color: var(--accent); }
button:disabled { opacity: .5; cursor: default; }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.primary:hover:enabled { color: var(--on-accent); filter: brightness(1.1); }
button.destructive:hover:enabled { border-color: var(--bad); color: var(--bad); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
label { display: inline-flex; align-items: center; gap: .4rem; color: var(--muted); font-size: .87rem; }
label > * { color: var(--text); font-size: .93rem; }
.fields { display: flex; flex-wrap: wrap; gap: .5rem .75rem; align-items: end; }
.fields label { flex-direction: column; align-items: stretch; gap: .15rem; flex: 0 1 11rem; }
.fields label.wide { flex-basis: 20rem; }
.fields label.grows { flex: 1 1 18rem; }
.fields :is(input, select, button) { height: 2.15rem; }
input.weight { width: 4.5rem; }

.state { display: inline-flex; align-items: center; gap: .4rem; font-weight: 600; white-space: nowrap; }
.state::before { content: ""; width: .65rem; height: .65rem; border-radius: 50%; background: currentcolor; }
.state.good { color: var(--good); }
.state.warn { color: var(--warn); }
.state.bad { color: var(--bad); }
.state.warn::before { clip-path: polygon(50% 0, 100% 100%, 0 100%); border-radius: 0; }
.state.bad::before { border-radius: 0; transform: rotate(45deg) scale(.85); }
header .state { min-width: 6.5rem; }
.reason, .since { color: var(--muted); font-size: .85rem; }
.reason { display: block; min-width: 14rem; max-width: 26rem; }

.since { display: block; white-space: nowrap; }

.cards { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 13rem), 1fr)); }
.card, .pool, .table, .frames { background: var(--card); border: 1px solid var(--edge); border-radius: .5rem; }
.card { padding: .75rem .9rem; min-width: 0; }
.card h3 { color: var(--muted); }
.figures { display: flex; gap: .75rem; min-height: 2.9rem; }
.figure .value { display: block; font-size: 1.25rem; font-weight: 600; line-height: 1.2; white-space: nowrap; }
.figures:has(.figure + .figure) .value { font-size: 1.1rem; }
.figure .name { white-space: nowrap; font-size: .75rem; color: var(--muted); }
.figure:nth-child(1) .name::before, .figure:nth-child(2) .name::before {
  content: ""; display: inline-block; width: .8em; height: .2em; margin-right: .4em; vertical-align: middle;
  background: var(--accent);
}
.figure:nth-child(2) .name::before { background: var(--second); }
.plot { position: relative; }
.plot svg { display: block; width: 100%; height: 4rem; border-bottom: 1px solid var(--edge); }
.plot .max { position: absolute; top: 0; left: 0; font-size: .75rem; color: var(--muted); pointer-events: none; }
.plot path, .plot line { vector-effect: non-scaling-stroke; }
.series-1 { color: var(--accent); }
.series-2 { color: var(--second); }
.line { fill: none; stroke: currentcolor; stroke-width: 1.5; }
.area { fill: currentcolor; opacity: .14; }
.cursor { stroke: var(--strong-edge); visibility: hidden; }
.cursor.shown { visibility: visible; }
.moment { font-size: .75rem; color: var(--muted); }
#refusal-reasons { list-style: none; margin-top: .4rem; }
#refusal-reasons li { display: flex; justify-content: space-between; gap: 1rem; padding: .2rem 0; }
#refusal-reasons code { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#refusal-reasons .value { font-weight: 600; }

#pool-list { display: grid; gap: .75rem; }
.pool { overflow-x: auto; }
.pool > .title { padding: .6rem .75rem .2rem; }
.pool h3 { font-size: 1rem; }
.pool details { padding: .4rem .75rem .6rem; }
.pool summary { cursor: pointer; color: var(--accent); width: fit-content; }
.pool .fields { margin-top: .5rem; }
.bar {
  display: inline-block; width: 5rem; height: .55rem; margin-right: .5rem; border-radius: .3rem;
  background: var(--edge); overflow: hidden;
}
.bar .filled { display: block; height: 100%; background: var(--accent); }

.table { overflow: auto; }
.table.short { max-height: 34rem; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .35rem .65rem; text-align: left; vertical-align: middle; }
th { font-size: .8rem; font-weight: 600; color: var(--muted); white-space: nowrap; }
.table.short th { position: sticky; top: 0; background: var(--card); }
tbody tr { border-top: 1px solid var(--edge); }
tbody tr:hover { background: color-mix(in srgb, var(--accent) 7%, transparent); }
tr.ended { opacity: .45; text-decoration: line-through; }
td.address { white-space: nowrap; }
td.path { min-width: 10rem; overflow-wrap: anywhere; }
td:has(> .bar) { white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
td.actions { text-align: right; white-space: nowrap; }
td.actions button { margin-left: .4rem; padding: .15rem .5rem; font-size: .87rem; }
td .first, td .second { display: block; }
td .second { font-size: .8rem; color: var(--muted); }
td .second:empty { display: none; }
button.sort { all: unset; cursor: pointer; }
button.sort:hover { color: var(--accent); }
button.sort:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: .2rem; }
button.sort::before { content: "↓"; margin-right: .25rem; visibility: hidden; }
th:not(.number) button.sort::before { float: right; margin: 0 0 0 .25rem; }
button.sort + button.sort { display: block; font-weight: 400; }
th.number button.sort + button.sort { margin-left: auto; width: fit-content; }
button.sort.active { color: var(--text); }
button.sort.active::before { visibility: visible; }
[aria-sort=ascending] button.sort::before { content: "↑"; }

.route { display: block; font-size: .87rem; }

.frames { min-height: 8rem; }
#console-entries { list-style: none; max-height: 24rem; overflow: auto; }
#console-entries li { padding: .4rem .75rem; border-top: 1px solid var(--edge); border-left: 3px solid transparent; }
#console-entries li:first-child { border-top: 0; }
#console-entries .sent { border-left-color: var(--accent); }
#console-entries .received { border-left-color: var(--good); }
#console-entries .error { border-left-color: var(--bad); }
.frame { display: flex; flex-wrap: wrap; gap: 0 .9rem; font-size: .85rem; color: var(--muted); }
.frame b { color: var(--text); min-width: 4.5rem; }
.frame .time { min-width: 5.5rem; text-align: right; }
pre { margin: .2rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 12rem; overflow: auto; }

dialog {
  color: inherit; background: var(--card); border: 1px solid var(--edge); border-radius: .6rem;
  padding: 1.25rem; width: min(26rem, calc(100vw - 2rem));
}
dialog::backdrop { background: #0009; }
dialog form { display: grid; gap: .75rem; }
#confirm form { grid-template-columns: auto auto; justify-content: end; }
#confirm-text { grid-column: 1 / -1; overflow-wrap: anywhere; }
#login label { flex-direction: column; align-items: stretch; }
#login-error { min-height: 1.45em; }

/* Rows become cards: no column is out of sight. */
@media (max-width: 50rem) {
  .toolbar, .pager { margin-left: 0; }
  .fields label { flex: 1 1 9rem; }
  table, tbody, tbody tr, thead { display: block; }
  thead tr { display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: .5rem .75rem; }
  thead th { padding: 0; }
  thead tr:not(:has(button)), thead th:not(:has(button)) { position: absolute; left: -99rem; }
  thead:has(button) tr::before { content: "Sort by"; color: var(--muted); font-size: .8rem; }
  .table.short { max-height: 32rem; }
  tbody tr { display: grid; grid-template-columns: 1fr 1fr; gap: .3rem .75rem; padding: .6rem .75rem; }
  td { display: block; padding: 0; min-width: 0; overflow-wrap: anywhere; }
  td.number { text-align: left; }
  td::before { content: attr(data-label); display: block; color: var(--muted); font: .75rem system-ui, sans-serif; }
  td.actions::before { content: none; }
  td.actions { grid-column: 1 / -1; text-align: left; white-space: normal; }
  td.actions button { margin: 0 .4rem 0 0; padding: .35rem .7rem; }
  td.address { white-space: normal; }
  .roomy { display: none; }
  .pool td:first-child { grid-column: 1 / -1; }
  .cards { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .card:has(#chart-bytes) { grid-column: 1 / -1; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
`
