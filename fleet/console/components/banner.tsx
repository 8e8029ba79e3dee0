/** What is wrong right now, in a sentence with its consequence: the broker is away, the device is away, the deployment failed. */
import type { DeviceState, FleetState } from '../state.ts';
import { timeInWords } from '../words.ts';

type Props = { state: FleetState; brokerUrl: string; device: DeviceState | undefined };

export function Banner({ state, brokerUrl, device }: Props) {
  const warnings = warningsOf(state, brokerUrl, device);
  return (
    <div role="status" class="banners">
      {warnings.map((warning) => (
        <p class="banner" key={warning}>
          <span aria-hidden="true">⚠</span> {warning}
        </p>
      ))}
    </div>
  );
}

function warningsOf(state: FleetState, brokerUrl: string, device: DeviceState | undefined): string[] {
  if (state.link === 'lost') {
    const why = state.linkProblem === undefined ? '' : ` (${state.linkProblem})`;
    const seen = state.devices.size === 0 ? 'Nothing has come from it yet' : 'What you see is the last that came';
    return [`The broker at ${brokerUrl} does not answer${why}. ${seen}; reconnecting …`];
  }
  if (device?.status?.online === false) return [offlineWords(device)];
  return [];
}

/** When it went is not known: its last will was written when it came. */
function offlineWords({ id, decisions }: DeviceState): string {
  const latest = decisions.at(-1);
  const last = latest ? `The last decision that arrived is from ${timeInWords(latest.tMs)}. ` : '';
  return `${id} is offline. ${last}A device without a network goes on deciding and sends what it recorded once it is back.`;
}
