/**
 * Turns words into a command. The table in `cli.ts` names every command; a command's module is loaded only when it runs,
 * so that a small process (the agent, a trial) stays small.
 */
import { Command, CommanderError } from 'commander';
import pico from 'picocolors';
import packageJson from '../package.json' with { type: 'json' };
import { errorCatalogue, errorRecordFrom, exitCodes, OctetError } from '../runtime/base/errors.ts';

/** A command's module: adds its arguments, options and action to an empty command. */
export type CommandModule = { define(command: Command): void };

/** Name → one-line description and loader. */
export type CommandTable = Readonly<Record<string, readonly [string, () => Promise<CommandModule>]>>;

/** Runs one command line; never throws. @returns the exit code. */
export async function runCommandLine(words: readonly string[], table: CommandTable): Promise<number> {
  try {
    const program = await createProgram(words[0], table);
    await program.parseAsync([...words], { from: 'user' });
    return Number(process.exitCode ?? exitCodes.done);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.badRequest;
    printError(error);
    return errorCatalogue[errorRecordFrom(error).code];
  }
}

async function createProgram(wanted: string | undefined, table: CommandTable): Promise<Command> {
  const program = new Command('octet')
    .description(packageJson.description)
    .version(packageJson.version)
    .exitOverride()
    .showHelpAfterError('Run octet --help for the commands.')
    .configureOutput({ outputError: (text, write) => write(pico.red(text)) });
  for (const [name, [description, load]] of Object.entries(table)) {
    const command = program
      .command(name, { hidden: name === 'internal' })
      .description(description)
      .exitOverride();
    if (name === wanted) (await load()).define(command);
  }
  return program;
}

/** CODE  message, and what to do, on stderr. OCTET_DEBUG=1 adds the stack. */
function printError(error: unknown): void {
  const { code, message, hint } = errorRecordFrom(error);
  process.stderr.write(`${pico.red(pico.bold(code))}  ${message}\n`);
  if (hint !== undefined) process.stderr.write(`${pico.dim('→')} ${hint}\n`);
  if (process.env.OCTET_DEBUG !== undefined || !(error instanceof OctetError)) console.error(error);
}
