/** The page's style sheet: colours first, light then dark; wide screens last, because a phone is the common case. */

export const style = `
:root {
  color-scheme: light dark;
  --ground: #f4f5f3; --card: #ffffff; --ink: #1a211e; --muted: #5c6863; --line: #e2e6e3; --track: #edf0ee;
  --accent: #0e7c66; --accent-soft: #d3ebe4; --warn: #b45f06; --warn-soft: #fdf1d6; --bad: #b0302a;
  --float: #8f9b96; --shadow: 0 1px 2px rgb(20 35 30 / 6%), 0 4px 16px rgb(20 35 30 / 4%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #111614; --card: #1a211e; --ink: #e8eeeb; --muted: #9aa8a2; --line: #2c3531; --track: #252d2a;
    --accent: #45c4a8; --accent-soft: #1d453b; --warn: #f0b45c; --warn-soft: #3d3113; --bad: #ff9d92;
    --float: #6f7d78; --shadow: none;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 20px 14px 48px; max-width: 1120px; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; font-variant-numeric: tabular-nums;
}
h1 { margin: 0; font-size: 25px; line-height: 1.2; letter-spacing: -0.015em; overflow-wrap: anywhere; }
h2 { margin: 0 0 2px; font-size: 18px; letter-spacing: -0.01em; }
p { margin: 0; }
code, pre, .name { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 0.87em; }
.eyebrow { color: var(--accent); font-weight: 600; font-size: 13px; }
.muted { color: var(--muted); }
.small { font-size: 13px; }
section, .tile, .finding { background: var(--card); border-radius: 12px; box-shadow: var(--shadow); }
section { margin-top: 14px; padding: 18px 16px; }
section > p { margin-bottom: 14px; max-width: 75ch; }
.tiles { display: grid; grid-template-columns: 1fr 1fr; gap: 10px; margin-top: 18px; }
.tile { padding: 13px 14px; }
.tile dt { color: var(--muted); font-size: 13px; }
.tile dd { margin: 0; }
.tile .figure { font-size: 23px; font-weight: 650; letter-spacing: -0.02em; line-height: 1.3; white-space: nowrap; }
.tile small { font-size: 15px; font-weight: 500; letter-spacing: 0; }
dl { margin: 0; }
.finding { margin-top: 14px; padding: 13px 16px; border-left: 4px solid var(--accent); overflow-wrap: anywhere; }
.finding.fault { border-color: var(--warn); background: var(--warn-soft); }

.layers { margin: 0; padding: 0; list-style: none; }
.layer { display: grid; grid-template-columns: 1fr auto; gap: 3px 12px; padding: 9px 0; border-top: 1px solid var(--line); }
.layer:first-child { border-top: 0; }
.layer .what { min-width: 0; overflow-wrap: anywhere; }
.layer .db { font-weight: 600; white-space: nowrap; }
.layer .track { grid-column: 1 / -1; }
.layer .details { grid-column: 1 / -1; }
.layer.fault .db { color: var(--warn); }
.track { position: relative; height: 8px; border-radius: 4px; background: var(--track); overflow: hidden; }
.track > i { display: block; height: 100%; border-radius: 4px; background: var(--accent); }
.layer.float .track > i { background: var(--float); }
.layer.fault .track > i { background: var(--warn); }
.track > b { position: absolute; top: 0; width: 2px; height: 100%; background: var(--ink); opacity: 0.55; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 10px; color: var(--muted); font-size: 13px; }
.legend i { display: inline-block; width: 12px; height: 8px; margin-right: 6px; border-radius: 2px; background: var(--accent); }
.legend i.float { background: var(--float); }
.legend i.input { width: 2px; height: 12px; margin: 0 8px -2px 2px; background: var(--ink); opacity: 0.55; }
.legend i.range { background: var(--accent-soft); border: solid var(--accent); border-width: 0 1px; }
.legend i.values { background: var(--muted); }

.ranges { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 150px), 1fr)); gap: 16px; }
.range { display: flex; flex-direction: column; justify-content: flex-end; min-width: 0; }
.range h3 { margin: 0 0 6px; font-size: 13px; font-weight: 600; overflow-wrap: anywhere; }
.range svg { display: block; width: 100%; height: 84px; border-bottom: 1px solid var(--line); overflow: visible; }
.range .band { fill: var(--accent-soft); }
.range .edge { stroke: var(--accent); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.range .values { fill: var(--muted); opacity: 0.75; }
.range .scale { display: flex; justify-content: space-between; color: var(--muted); font-size: 12px; }

.split { display: flex; height: 14px; margin-bottom: 14px; border-radius: 7px; background: var(--float); overflow: hidden; }
.split > i { background: var(--accent); }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 8px 8px 8px 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { border-top: 0; color: var(--muted); font-weight: 500; font-size: 13px; }
td.number, th.number { text-align: right; padding-right: 0; padding-left: 12px; white-space: nowrap; overflow-wrap: normal; }
.tag { display: inline-block; padding: 0 7px; border-radius: 5px; font-size: 12px; font-weight: 600; white-space: nowrap; }
.tag.int8 { background: var(--accent-soft); color: var(--accent); }
.tag.stays { background: var(--track); color: var(--muted); }
.versus { display: grid; gap: 5px; margin-bottom: 18px; }
.versus .row { display: grid; grid-template-columns: 62px 1fr 78px; gap: 10px; align-items: center; }
.versus .row span:last-child { text-align: right; font-weight: 600; white-space: nowrap; }
.versus .track { height: 16px; }
.versus .before i { background: var(--float); }
h3 { margin: 0 0 6px; font-size: 14px; }
pre { margin: 0; padding: 14px; border-radius: 8px; background: var(--track); white-space: pre-wrap; overflow-wrap: anywhere; }
footer { margin-top: 22px; color: var(--muted); font-size: 13px; }

@media (min-width: 760px) {
  body { padding: 36px 28px 64px; }
  h1 { font-size: 32px; }
  section { margin-top: 18px; padding: 24px 26px; }
  .tiles { grid-template-columns: repeat(4, 1fr); gap: 14px; }
  .tile { padding: 16px 18px; }
  .tile .figure { font-size: 27px; }
  .layer { grid-template-columns: minmax(0, 1fr) minmax(180px, 1fr) 68px minmax(0, 1.25fr); align-items: center; gap: 16px; }
  .layer .what { order: 1; } .layer .track { order: 2; grid-column: auto; } .layer .db { order: 3; text-align: right; }
  .layer .details { order: 4; grid-column: auto; }
  .columns { display: grid; grid-template-columns: 1fr 1fr; gap: 36px; }
  .ranges { grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 20px; }
}
@media print { section, .tile, .finding { box-shadow: none; break-inside: avoid; border: 1px solid var(--line); } }
`;
