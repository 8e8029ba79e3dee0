/** Name of the page, the device that is shown, whether it is online. */
import type { DeviceState, Link } from '../state.ts';

type Props = {
  device: DeviceState | undefined;
  devices: readonly string[];
  link: Link;
  onPick: (device: string) => void;
};

export function Header({ device, devices, link, onPick }: Props) {
  return (
    <header class="top">
      <h1>
        <img src="./icon.svg" alt="" width="26" height="26" />
        Octet
      </h1>
      {devices.length > 1 ? (
        <select aria-label="Device" value={device?.id ?? ''} onChange={(event) => onPick(event.currentTarget.value)}>
          {devices.map((id) => (
            <option key={id}>{id}</option>
          ))}
        </select>
      ) : (
        <span class="device-name">{device?.id ?? ''}</span>
      )}
      <Presence device={device} />
      <span class={`link link-${link}`}>{linkWords[link]}</span>
    </header>
  );
}

const linkWords = {
  connecting: 'connecting to the broker',
  connected: 'live over MQTT',
  lost: 'reconnecting',
} as const satisfies Record<Link, string>;

function Presence({ device }: { device: DeviceState | undefined }) {
  if (!device?.status) return null;
  const { online } = device.status;
  return <span class={`pill ${online ? 'pill-good' : 'pill-bad'}`}>{online ? '● online' : '○ offline'}</span>;
}
