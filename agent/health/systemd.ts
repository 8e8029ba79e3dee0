/**
 * What systemd is told: ready, stopping, and that the watchdog may be patient (sd_notify(3)). Node has no datagram sockets of
 * the Unix kind, so systemd's own program says it; where there is none, there is no systemd that listens either. The unit needs
 * `NotifyAccess=all`, because it is a child that speaks.
 */
import { spawn } from 'node:child_process';

export type Systemd = {
  /** How often the watchdog wants to hear of us, milliseconds; undefined when nobody watches. */
  readonly watchdogMs: number | undefined;
  /** Resolves when it is said, or could not be. */
  notify(state: SystemdState): Promise<void>;
};

export type SystemdState = 'READY=1' | 'STOPPING=1' | 'WATCHDOG=1';

export function systemdFrom(env: Readonly<Record<string, string | undefined>>, pid: number): Systemd {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = env;
  const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === pid;
  const watchdogMs = Number(WATCHDOG_USEC) / 1000;
  return {
    watchdogMs: NOTIFY_SOCKET && isOurs && watchdogMs > 0 ? watchdogMs : undefined,
    notify: (state) => (NOTIFY_SOCKET ? say(state, env) : Promise.resolve()),
  };
}

function say(state: SystemdState, env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn('systemd-notify', [state], { stdio: 'ignore', env });
    // Not installed, or nobody listens any more: the service manager will judge by what it sees.
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
}
