/** A trial that goes wrong, as its first argument says; started by trial.test.ts. */
const ways: Readonly<Record<string, () => void>> = {
  crash: () => process.abort(),
  killed: () => process.kill(process.pid, 'SIGKILL'),
  quit: () => process.exit(7),
  hang: () => setInterval(() => {}, 1000),
  'hang after progress': () => {
    process.send?.({ kind: 'progress', fraction: 0.5 });
    setInterval(() => {}, 1000);
  },
};

process.once('message', () => ways[process.argv[2] ?? '']?.());
