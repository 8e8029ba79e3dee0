/** The newest lines of the agent's log, kept in memory so that they can be asked for from afar. */

/** Bytes of text: about a thousand lines. */
const maxBytes = 128 * 1024;

export class LogTail {
  #lines: string[] = [];
  #bytes = 0;

  /** One line of JSON, as the logger writes it. */
  readonly write = (line: string): void => {
    const text = line.trimEnd();
    this.#lines.push(text);
    this.#bytes += text.length;
    if (this.#bytes <= maxBytes) return;
    // Half at once: dropping one line at a time would move all of them each time.
    const half = this.#lines.splice(0, Math.ceil(this.#lines.length / 2));
    this.#bytes -= half.reduce((sum, { length }) => sum + length, 0);
  };

  /** Oldest first. */
  last(count: number): readonly string[] {
    return this.#lines.slice(-count);
  }
}
