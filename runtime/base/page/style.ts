/** What all our pages look like: colours first, light then dark; wide screens last, because a phone is the common case. */

export const pageStyle = `
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

.track { position: relative; height: 8px; border-radius: 4px; background: var(--track); overflow: hidden; }
.track > i { display: block; height: 100%; border-radius: 4px; background: var(--accent); }
.track > b { position: absolute; top: 0; width: 2px; height: 100%; background: var(--ink); opacity: 0.55; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 10px; color: var(--muted); font-size: 13px; }
.legend i { display: inline-block; width: 12px; height: 8px; margin-right: 6px; border-radius: 2px; background: var(--accent); }

table { width: 100%; border-collapse: collapse; }
th, td { padding: 8px 8px 8px 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { border-top: 0; color: var(--muted); font-weight: 500; font-size: 13px; }
td.number, th.number { text-align: right; padding-right: 0; padding-left: 12px; white-space: nowrap; overflow-wrap: normal; }
.tag { display: inline-block; padding: 0 7px; border-radius: 5px; font-size: 12px; font-weight: 600; white-space: nowrap; }
.tag.int8 { background: var(--accent-soft); color: var(--accent); }
.tag.stays { background: var(--track); color: var(--muted); }
h3 { margin: 0 0 6px; font-size: 14px; }
pre { margin: 0; padding: 14px; border-radius: 8px; background: var(--track); white-space: pre-wrap; overflow-wrap: anywhere; }
footer { margin-top: 22px; color: var(--muted); font-size: 13px; }

.facts { display: grid; grid-template-columns: minmax(70px, auto) 1fr; gap: 5px 16px; }
.facts dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }

.plane { display: grid; grid-template-columns: 40px minmax(0, 1fr); height: 120px; }
.levels, .field { position: relative; }
.levels span { position: absolute; right: 8px; color: var(--muted); font-size: 12px; line-height: 14px; transform: translateY(50%); }
.field .line { position: absolute; left: 0; right: 0; border-top: 1px solid var(--line); }
.field .upright { position: absolute; top: 0; bottom: 0; border-left: 1px solid var(--line); }
.time-axis { margin-left: 40px; }
.time-axis .field { height: 20px; }
.time-axis .field span, .spread-axis .field span { position: absolute; top: 4px; color: var(--muted); font-size: 12px; transform: translateX(-50%); }
.curves { display: grid; gap: 14px; }
.curve { margin: 0; }
.curve figcaption { margin-bottom: 8px; font-size: 13px; color: var(--muted); }
.curve figcaption b { color: var(--ink); }
.curve .legend { display: inline; margin-left: 10px; }
.curve svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
.curve path { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.curve .mark { fill: var(--warn); opacity: 0.22; }
.legend i.mark { background: var(--warn); opacity: 0.4; }

@media (min-width: 760px) {
  body { padding: 36px 28px 64px; }
  h1 { font-size: 32px; }
  section { margin-top: 18px; padding: 24px 26px; }
  .tiles { grid-template-columns: repeat(4, 1fr); gap: 14px; }
  .tile { padding: 16px 18px; }
  .tile .figure { font-size: 27px; }
  .columns { display: grid; grid-template-columns: 1fr 1fr; gap: 36px; }
}
@media print { section, .tile, .finding { box-shadow: none; break-inside: avoid; border: 1px solid var(--line); } }
`;
