/** A command's result on stdout: one JSON document for programs, or lines for people. */
export function printResult(isJson: boolean | undefined, result: unknown, lines: readonly string[]): void {
  process.stdout.write(isJson ? `${JSON.stringify(result)}\n` : lines.map((line) => `${line}\n`).join(''));
}
