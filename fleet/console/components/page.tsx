/** The whole page for one device, top to bottom in the order in which an operator asks: is it well, what does it say, why. */
import { useState } from 'preact/hooks';
import type { DeviceState, FleetState } from '../state.ts';
import { Banner } from './banner.tsx';
import { ChosenCard } from './chosen-card.tsx';
import { ClimateCard } from './climate-card.tsx';
import { DeviceFacts } from './device-facts.tsx';
import { Footer } from './footer.tsx';
import { Header } from './header.tsx';
import { LatencyCard } from './latency-card.tsx';
import { MemoryCard } from './memory-card.tsx';
import { NowCard } from './now-card.tsx';
import { TrialsCard } from './trials-card.tsx';

export function Page({ state, brokerUrl }: { state: FleetState; brokerUrl: string }) {
  const [picked, pick] = useState<string>();
  const device = state.devices.get(picked ?? '') ?? firstOf(state.devices);
  return (
    <>
      <Header device={device} devices={[...state.devices.keys()]} link={state.link} onPick={pick} />
      <Banner state={state} brokerUrl={brokerUrl} device={device} />
      <main>{device ? <Device device={device} /> : <Waiting state={state} brokerUrl={brokerUrl} />}</main>
      <Footer state={state} device={device} />
    </>
  );
}

function Device({ device }: { device: DeviceState }) {
  // One page, one model for now: the first slot is the one that is shown in full.
  const slot = device.reported?.slots[0];
  return (
    <>
      <DeviceFacts info={device.info} />
      <NowCard device={device} />
      <ChosenCard slot={slot} lastSeen={device.lastSteps.get(slot?.slot ?? '')} />
      <TrialsCard slot={slot} />
      <LatencyCard decisions={device.decisions} />
      <ClimateCard points={device.system} />
      <MemoryCard points={device.system} />
    </>
  );
}

function Waiting({ state, brokerUrl }: { state: FleetState; brokerUrl: string }) {
  const isConnected = state.link === 'connected';
  return (
    <section class="card waiting">
      <h2>{isConnected ? 'No device has spoken yet' : 'Looking for the broker'}</h2>
      <p>
        {isConnected
          ? 'The broker answers. As soon as an agent connects to it, its device appears here.'
          : `Connecting to ${brokerUrl} …`}
      </p>
    </section>
  );
}

function firstOf(devices: ReadonlyMap<string, DeviceState>): DeviceState | undefined {
  return devices.values().next().value;
}
