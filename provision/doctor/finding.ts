/** What the doctor says of one thing. */
export type Finding = {
  /** `broker`, `disk`. */
  readonly name: string;
  /** `bad`: Octet will not work, or will lose data; `poor`: it works, but not as it could. */
  readonly verdict: 'good' | 'poor' | 'bad';
  readonly found: string;
  /** What to do; absent where nothing is to be done. */
  readonly advice?: string;
};

export function good(name: string, found: string): Finding {
  return { name, verdict: 'good', found };
}

export function poor(name: string, found: string, advice: string): Finding {
  return { name, verdict: 'poor', found, advice };
}

export function bad(name: string, found: string, advice: string): Finding {
  return { name, verdict: 'bad', found, advice };
}
