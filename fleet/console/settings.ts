/**
 * Where the page connects to, from its address: the page is a static file, so everything it may be told is in the query
 * or, for what a web server's log should not see, behind the hash.
 */

export type Settings = {
  /** `ws://` or `wss://` address of the broker. */
  readonly brokerUrl: string;
  /** Show this device; every device that speaks when absent. */
  readonly device?: string;
  readonly username?: string;
  readonly password?: string;
};

/** `?broker=wss://hub/mqtt&device=gate-7#username=…&password=…`; the broker is `/mqtt` beside the page by default. */
export function settingsFrom(address: string): Settings {
  const url = new URL(address);
  const words = new URLSearchParams(url.search);
  for (const [name, value] of new URLSearchParams(url.hash.slice(1))) words.set(name, value);
  return {
    brokerUrl: words.get('broker') ?? brokerBeside(url),
    ...optional('device', words.get('device')),
    ...optional('username', words.get('username')),
    ...optional('password', words.get('password')),
  };
}

function brokerBeside(page: URL): string {
  const beside = new URL('mqtt', page);
  beside.protocol = page.protocol === 'https:' ? 'wss:' : 'ws:';
  beside.search = '';
  beside.hash = '';
  return beside.href;
}

function optional<K extends string>(name: K, value: string | null): Partial<Record<K, string>> {
  return value === null || value === '' ? {} : ({ [name]: value } as Record<K, string>);
}
