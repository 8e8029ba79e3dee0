/** What the quantisation report adds to the common style sheet. */

export const style = `
.layers { margin: 0; padding: 0; list-style: none; }
.layer { display: grid; grid-template-columns: 1fr auto; gap: 3px 12px; padding: 9px 0; border-top: 1px solid var(--line); }
.layer:first-child { border-top: 0; }
.layer .what { min-width: 0; overflow-wrap: anywhere; }
.layer .db { font-weight: 600; white-space: nowrap; }
.layer .track { grid-column: 1 / -1; }
.layer .details { grid-column: 1 / -1; }
.layer.fault .db { color: var(--warn); }
.layer.float .track > i { background: var(--float); }
.layer.fault .track > i { background: var(--warn); }
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
.versus { display: grid; gap: 5px; margin-bottom: 18px; }
.versus .row { display: grid; grid-template-columns: 62px 1fr 78px; gap: 10px; align-items: center; }
.versus .row span:last-child { text-align: right; font-weight: 600; white-space: nowrap; }
.versus .track { height: 16px; }
.versus .before i { background: var(--float); }

@media (min-width: 760px) {
  .layer { grid-template-columns: minmax(0, 1fr) minmax(180px, 1fr) 68px minmax(0, 1.25fr); align-items: center; gap: 16px; }
  .layer .what { order: 1; } .layer .track { order: 2; grid-column: auto; } .layer .db { order: 3; text-align: right; }
  .layer .details { order: 4; grid-column: auto; }
  .ranges { grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 20px; }
}
`;
