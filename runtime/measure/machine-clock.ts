/** Milliseconds by the machine's monotonic clock. Unlike `performance.now` it has one origin for all processes, so that parent and child can compare. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
