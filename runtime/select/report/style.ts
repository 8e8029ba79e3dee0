/** What the selection report adds to the common style sheet. Colours: the chosen one in the accent, float32 in ink, what misses a demand in warning. */

export const style = `
.columns > div + div { margin-top: 20px; }

.circle { border-radius: 50%; border: 1.5px solid var(--float); background: color-mix(in srgb, var(--float) 35%, transparent); }
.circle.chosen { border-color: var(--accent); background: color-mix(in srgb, var(--accent) 55%, transparent); }
.circle.float32 { border-color: var(--ink); background: color-mix(in srgb, var(--ink) 12%, transparent); }
.circle.refused { border-color: var(--warn); background: color-mix(in srgb, var(--warn) 30%, transparent); }
.legend i.circle { width: 11px; height: 11px; margin-bottom: -1px; border-radius: 50%; background: color-mix(in srgb, var(--float) 35%, transparent); }
.legend i.circle.chosen { background: color-mix(in srgb, var(--accent) 55%, transparent); }
.legend i.circle.float32 { background: color-mix(in srgb, var(--ink) 12%, transparent); }
.legend i.circle.refused { background: color-mix(in srgb, var(--warn) 30%, transparent); }
.axis-title { margin: 4px 0 8px; }
.plane.trade-off { height: 300px; }
.trade-off .levels span { transform: translateY(-50%); bottom: auto; }
.trade-off .field > * { position: absolute; }
.trade-off .line { top: auto; bottom: auto; }
.trade-off .circle { transform: translate(-50%, -50%); }
.trade-off .whisker { width: 0; border-left: 1.5px solid var(--muted); opacity: 0.65; }
.trade-off .whisker.flat { height: 0; border-left: 0; border-top: 1.5px solid var(--muted); }
.budget { left: 0; right: 0; height: 0; border-top: 1.5px dashed var(--warn); }
.budget-name { right: 2px; color: var(--warn); background: var(--card); padding-left: 4px; line-height: 16px; margin-top: 2px; }
.point-name { text-shadow: 0 0 3px var(--card), 0 0 3px var(--card), 0 0 3px var(--card); font-size: 12px; line-height: 15px; white-space: nowrap; color: var(--muted); pointer-events: none; }
.point-name.chosen { color: var(--accent); font-weight: 600; }
.point-name.float32 { color: var(--ink); }

.spreads { margin: 0; padding: 0; list-style: none; }
.spread-row { display: grid; grid-template-columns: 1fr; gap: 1px 14px; padding: 7px 0; }
.spread-row .what { overflow-wrap: anywhere; }
.spread-row.chosen .what { font-weight: 600; }
.spread-row .field { display: block; height: 16px; }
.spread-row .field > i { position: absolute; }
.spread { top: 5px; height: 6px; border-radius: 3px; background: color-mix(in srgb, var(--float) 45%, transparent); }
.half { top: 2px; height: 12px; border-radius: 3px; background: var(--float); }
.median { top: 0; width: 3px; height: 16px; margin-left: -1px; border-radius: 1px; background: var(--ink); }
.spread-row.chosen .spread { background: color-mix(in srgb, var(--accent) 35%, transparent); }
.spread-row.chosen .half { background: var(--accent); }
.spread-row.refused .spread { background: color-mix(in srgb, var(--warn) 30%, transparent); }
.spread-row.refused .half { background: var(--warn); }
.legend i.spread { height: 6px; margin-bottom: 1px; background: color-mix(in srgb, var(--float) 45%, transparent); }
.legend i.half { background: var(--float); }
.legend i.median { width: 3px; height: 13px; margin-bottom: -2px; background: var(--ink); }
.spread-axis .field { height: 20px; }

.tag.chosen { background: var(--accent-soft); color: var(--accent); }
.tag.beaten, .tag.left, .tag.untimed { background: var(--track); color: var(--muted); }
.tag.refused, .tag.failed { background: var(--warn-soft); color: var(--warn); }
.contenders thead { display: none; }
.contenders tbody { display: block; padding: 12px 0; border-top: 1px solid var(--line); }
.contenders tr { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 6px 10px; }
.contenders td { display: block; padding: 0; border: 0; }
.contenders td.what, .contenders .reason td { grid-column: 1 / -1; }
.contenders td.number { text-align: left; padding: 0; white-space: normal; }
.contenders td.number::before { content: attr(data-title); display: block; color: var(--muted); font-size: 12px; }
.contenders .failed td.number, .contenders .untimed td.number { display: none; }
.contenders .reason td { padding-top: 6px; }

@media (min-width: 760px) {
  .columns > div + div { margin-top: 0; }
  .spread-row { grid-template-columns: 200px 1fr 210px; align-items: center; }
  .spread-axis { margin: 0 224px 0 214px; }
  .contenders { font-size: 14px; }
  .contenders thead { display: table-header-group; }
  .contenders tbody { display: table-row-group; }
  .contenders tr { display: table-row; }
  .contenders td { display: table-cell; padding: 10px 0 0; border-top: 1px solid var(--line); }
  .contenders td.number, .contenders .failed td.number, .contenders .untimed td.number { display: table-cell; text-align: right; padding: 10px 0 0 12px; white-space: nowrap; }
  .contenders td.number::before { content: none; }
  .contenders td.what { max-width: 250px; padding-right: 8px; }
  .contenders .reason td { border-top: 0; padding: 2px 0 12px; }
}
`;
