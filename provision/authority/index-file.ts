/** `index.txt` of `openssl ca`: a line per certificate, fields separated by tabs (openssl-ca(1), FILES). */

/** Whose certificate it is; the certificate's OU. */
export type Holder = 'broker' | 'device' | 'operator';

export type Issued = {
  readonly name: string;
  readonly holder: Holder | undefined;
  readonly state: 'valid' | 'revoked' | 'expired';
  /** As in the file name `issued/<serial>.pem`. */
  readonly serial: string;
  /** End of validity, Unix milliseconds. */
  readonly expiresMs: number;
};

const states = { V: 'valid', R: 'revoked', E: 'expired' } as const;
const holders: readonly string[] = ['broker', 'device', 'operator'] satisfies Holder[];

export function readIndex(text: string): Issued[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [state, expires, , serial, , subject] = line.split('\t') as [
        keyof typeof states,
        string,
        string,
        string,
        string,
        string,
      ];
      const { CN = '', OU = '' } = Object.fromEntries(
        subject
          .split('/')
          .slice(1)
          .map((part) => part.split('=')),
      );
      const holder = holders.includes(OU) ? (OU as Holder) : undefined;
      return { name: CN, holder, state: states[state], serial, expiresMs: timeOf(expires) };
    });
}

/** `YYMMDDHHMMSSZ`, or `YYYYMMDDHHMMSSZ` from 2050 on (RFC 5280 §4.1.2.5). */
function timeOf(text: string): number {
  const full = text.length === 13 ? `20${text}` : text;
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full) ?? [];
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
}
