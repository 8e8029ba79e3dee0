/** What the page would otherwise hide: payloads it could not read, telemetry that the device says it had to drop. */
import type { DeviceState, FleetState } from '../state.ts';
import { countInWords } from '../words.ts';

export function Footer({ state, device }: { state: FleetState; device: DeviceState | undefined }) {
  const { count, last } = state.malformed;
  const dropped = [...(device?.gaps.values() ?? [])].reduce((sum, points) => sum + points, 0);
  const reasons = [...(device?.gaps.keys() ?? [])].join('\n');
  return (
    <footer>
      <span>Everything on this page came through the MQTT broker.</span>
      {count > 0 ? (
        <span class="mark-bad" title={last} data-testid="malformed">
          {countInWords(count)} unreadable {count === 1 ? 'message' : 'messages'} ignored ({last})
        </span>
      ) : null}
      {dropped > 0 ? (
        <span class="mark-bad" title={reasons}>
          {countInWords(dropped)} points were dropped on the device
        </span>
      ) : null}
    </footer>
  );
}
