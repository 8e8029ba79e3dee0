/**
 * Evidence from another device of the same kind shortens the search to a confirmation: its answer and its best loser are measured
 * here, and where the answer holds, that is enough. Where it does not, the whole search follows, and the record says so.
 */
import type { Estimate } from '../measure/statistics.ts';
import { isTie, meritOf } from './choose.ts';
import type { Contender } from './contender.ts';
import type { Evidence } from './evidence.ts';
import { estimateText } from './figures.ts';
import type { Proposal, Subject } from './propose.ts';
import type { Objective } from './selection.ts';
import type { SearchKind, Settled } from './settle.ts';
import type { TrialEvidence } from './trial-evidence.ts';

export type Confirmation = {
  readonly reference: Evidence;
  readonly subject: Subject;
  readonly settled: (proposal: Proposal, search: SearchKind) => Promise<Settled>;
  /** The contenders of a record, built here. */
  readonly short: (trials: readonly TrialEvidence[]) => Promise<Proposal>;
  readonly full: () => Promise<Proposal>;
};

export async function confirm({ reference, subject, settled, short, full }: Confirmation): Promise<Settled> {
  const from = referenceOf(reference);
  const obstacle = obstacleTo(reference, subject);
  if (obstacle !== undefined) {
    const note = `The evidence was not used: ${obstacle}. The whole search was made.`;
    return settled(await full(), { mode: 'full', note, reference: null });
  }
  const proposal = await short(rivalsIn(reference));
  const mode = 'confirmation';
  const tried = await settled(proposal, { mode, note: '', reference: from });
  const contradiction = contradictionOf(reference, tried);
  const where = `${reference.environment.board}`;
  if (contradiction === undefined)
    return { ...tried, search: { mode, note: `Confirmed what was found on ${where}.`, reference: from } };
  const note = `What was found on ${where} does not hold here: ${contradiction}. The whole search was made.`;
  const whole = await settled(await full(), { mode: 'contradicted', note, reference: from });
  return { ...whole, proposal: { ...whole.proposal, spentMs: sum(tried.proposal.spentMs, whole.proposal.spentMs) } };
}

function sum(a: Proposal['spentMs'], b: Proposal['spentMs']): Proposal['spentMs'] {
  return { building: a.building + b.building, searching: a.searching + b.searching };
}

function referenceOf({ environment, createdMs, chosen, chosenSha256 }: Evidence): Evidence['search']['reference'] {
  return { board: environment.board, createdMs, chosen, chosenSha256 };
}

/** Why a record says nothing about this selection; undefined where it does. */
export function obstacleTo(reference: Evidence, { request, hardware, float32, usual }: Subject): string | undefined {
  const { environment, model, demands, outcome } = reference;
  const rows: readonly (readonly [boolean, string])[] = [
    [
      model.sha256 !== float32.sha256,
      `it is of another model (${model.sha256.slice(0, 12)}, this is ${float32.sha256.slice(0, 12)})`,
    ],
    [environment.soc !== hardware.soc, `it is from a ${environment.soc}, this is a ${hardware.soc}`],
    [demands.objective !== request.objective, `it is about ${demands.objective}, this is about ${request.objective}`],
    [
      demands.usual.threads !== usual.threads,
      `it compares with ${demands.usual.threads} threads, this with ${usual.threads}`,
    ],
    [outcome !== 'met', 'nothing met the constraints there'],
  ];
  return rows.find(([isObstacle]) => isObstacle)?.[1];
}

/** The answer, and the best of those that lost to it by merit: it would win first if things were otherwise here. */
export function rivalsIn({ trials, chosen }: Evidence): TrialEvidence[] {
  const speed = ({ paired }: TrialEvidence) => paired?.speedup.value ?? 0;
  const answer = trials.find(({ name }) => name === chosen)!;
  const [float32] = trials;
  const losers = trials.filter((trial) => (trial.fate === 'beaten' || trial.fate === 'left') && trial !== float32);
  const [rival] = losers.filter(({ sha256 }) => sha256 !== answer.sha256).sort((a, b) => speed(b) - speed(a));
  return [...new Set([float32!, answer, ...(rival ? [rival] : [])])];
}

/** How far two devices of one kind may differ before the one says nothing about the other. */
const allowed = 0.1;

/** What speaks against the record; undefined where its answer, or one as good, came out with about the same gain. */
export function contradictionOf(
  { chosen, trials, demands }: Evidence,
  { choice, contenders }: Pick<Settled, 'choice' | 'contenders'>,
): string | undefined {
  if (choice.outcome === 'closest') return choice.verdict.replace(/\.$/, '');
  const named = (name: string) => contenders.find((contender) => contender.name === name);
  const [answer, winner] = [named(chosen), named(choice.chosen)];
  const isAsGood = choice.fates[chosen] === 'beaten' && answer && winner && tied(answer, winner, demands.objective);
  if (choice.chosen !== chosen && !isAsGood) return `here ${choice.chosen} wins against ${chosen}`;
  const before = trials.find(({ name }) => name === chosen)?.paired?.speedup;
  const now = answer?.speedup;
  if (!before || !now || overlaps(before, now)) return undefined;
  return `${chosen} was ${estimateText(before)} there and is ${estimateText(now)} here`;
}

function tied(a: Contender, b: Contender, objective: Objective): boolean {
  return isTie(meritOf(a, objective), meritOf(b, objective));
}

function overlaps(before: Estimate, now: Estimate): boolean {
  return now.high >= before.low * (1 - allowed) && now.low <= before.high * (1 + allowed);
}
