/** The page's composition root: settings from the address, a link to the broker, one state, drawn at most once a frame. */
import { render } from 'preact';
import { Page } from './components/page.tsx';
import { openLink } from './link.ts';
import { settingsFrom } from './settings.ts';
import { type FleetState, initialState, reduce } from './state.ts';

const root = document.querySelector('#page');
const settings = settingsFrom(location.href);
let state: FleetState = initialState;
let isDrawing = false;

function draw(): void {
  isDrawing = false;
  if (root) render(<Page state={state} brokerUrl={settings.brokerUrl} />, root);
}

openLink(
  {
    ...settings,
    device: settings.device ?? '+',
    clientId: `console-${crypto.getRandomValues(new Uint32Array(2)).join('')}`,
  },
  (message) => {
    state = reduce(state, message);
    if (isDrawing) return;
    isDrawing = true;
    requestAnimationFrame(draw);
  },
);
draw();
