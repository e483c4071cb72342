import type { z } from "zod";
import type { EntityManager } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import type { OperationError } from "./operation.entity.ts";

/** Who asked, as far as it is kept: no role, which may change while the operation runs. */
export type Requester = Pick<Actor, "kind" | "id" | "name">;

/** What a phase is given: its operation, what earlier phases found out, and a way to report progress. */
export interface Run<Input, Facts> {
  readonly operationId: string;
  /** Null in a dry run. */
  readonly subjectId: string | null;
  readonly subjectName: string;
  readonly dryRun: boolean;
  readonly requester: Requester;
  readonly input: Input;
  /** What the phases before this one answered, merged; kept in the engine's store, so never a secret. */
  readonly facts: Readonly<Partial<Facts>>;
  /**
   * Reports how far the phase is. Costs a transaction: call it when there is something to see.
   *
   * @param total null where it is not known
   * @param also what is written in the same transaction, as by `note`
   */
  progress(
    completed: number,
    total: number | null,
    message?: string,
    also?: (em: EntityManager) => Promise<void>,
  ): Promise<void>;
  /** What fences the run's effects on db servers: greater at each takeover, and for later operations. */
  readonly token: number;
  /**
   * Runs a transaction on the platform database beside the step, which takes effect only while this
   * worker owns the operation.
   *
   * @throws DBOSWorkflowConflictError where another worker has taken it up, or it has ended; to be let
   *   through as it is
   */
  note(work: (em: EntityManager) => Promise<void>): Promise<void>;
  /**
   * Throws as `note` where another worker has taken the operation up: asked before an effect where nothing
   * can be fenced.
   */
  assertOwned(): Promise<void>;
}

/** A phase's answer that it had nothing to do, and why. */
export class Skipped {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

/** The answer of a phase that had nothing to do. */
export const skipped = (reason: string): Skipped => new Skipped(reason);

/** Says that a phase needs no undo, and why. */
export interface Nothing {
  readonly nothing: string;
}

/** The undo of a phase that needs none. */
export const nothing = (why: string): Nothing => ({ nothing: why });

type Answer<Facts> = Partial<Facts> | Skipped | undefined;

interface PhaseBase {
  readonly name: string;
  /** Runs in a dry run too: it only reads, or writes nothing when `run.dryRun`. */
  readonly inDryRun?: boolean;
  /** How long it usually takes beside the others, for the operation's progress: 1 unless given. */
  readonly share?: number;
}

/**
 * Works outside the platform database: may run more than once, so `ensure` and `undo` must bear it.
 *
 * `Given` is what its functions are called with; the engine calls those of a `Run`: see `withRun`.
 */
export interface ExternalPhase<Input, Facts, Given = Run<Input, Facts>> extends PhaseBase {
  readonly where: "outside";
  ensure(run: Given): Promise<Answer<Facts>>;
  readonly undo: ((run: Given) => Promise<void>) | Nothing;
}

/** Writes the platform database only: exactly once, in the transaction that journals the phase. */
export interface PlatformPhase<Input, Facts, Given = Run<Input, Facts>> extends PhaseBase {
  readonly where: "platform";
  ensure(run: Given, em: EntityManager): Promise<Answer<Facts>>;
  readonly undo: ((run: Given, em: EntityManager) => Promise<void>) | Nothing;
}

export type Phase<Input, Facts, Given = Run<Input, Facts>> =
  | ExternalPhase<Input, Facts, Given>
  | PlatformPhase<Input, Facts, Given>;

/** How an operation ended. */
export type Outcome =
  | { readonly state: "SUCCEEDED" }
  | {
      readonly state: "FAILED" | "CANCELLED";
      readonly error: OperationError;
      /** False where the undo of a phase failed, so that something was left behind. */
      readonly undone: boolean;
    };

/** What an operation is about. */
export interface Subject {
  /** Null in a dry run. */
  readonly id: string | null;
  readonly name: string;
  /** Operations of one partition share its concurrency limit: the db server's id, where one is known. */
  readonly partition: string;
  /** The failed operation that this one takes up again. */
  readonly retryOf?: string;
}

/** One long act: its input, how it begins and ends, and its phases in order. */
export interface OperationDefinition<Input = unknown, Facts = unknown, Given = Run<Input, Facts>> {
  readonly kind: string;
  /** Runs before what waits already: it keeps somebody out. */
  readonly urgent?: boolean;
  /** Goes by the migration folder or the seeds: it is left to a worker that has those it was begun with. */
  readonly appliesFiles?: true;
  /** Stores a secret early on: it is refused at once while the secret store cannot be used. */
  readonly storesSecrets?: true;
  /** Parsed when the operation is started and again when it runs. */
  readonly input: z.ZodType<Input>;
  /**
   * Reads what a caller sent, where more than the input's own rules decides.
   *
   * @throws DomainError E_VALIDATION and its like
   */
  read?(request: unknown): Promise<Input>;
  /**
   * Refuses, or makes the subject ready for the operation, in the transaction that creates it.
   *
   * @throws DomainError where the operation may not start
   */
  begin(em: EntityManager, start: BeginOptions<Input>): Promise<Subject>;
  readonly phases: readonly Phase<Input, Facts, Given>[];
  /** Writes what the end means for the subject, in the transaction that ends the operation. */
  settle(run: Given, em: EntityManager, outcome: Outcome): Promise<void>;
  /**
   * What the ended operation shows as its result, also when it failed; no secret. Facts of the phase that
   * failed are not known: what it did is read in the ending transaction.
   */
  result(
    run: Given,
    em: EntityManager,
    outcome: Outcome,
  ): Promise<Record<string, unknown> | null> | Record<string, unknown> | null;
}

/** Gives an operation's functions the run that they are written for, made of the engine's. */
export const withRun = <Input, Facts, Given>(
  definition: OperationDefinition<Input, Facts, Given>,
  toGiven: (run: Run<Input, Facts>) => Given,
): OperationDefinition<Input, Facts> => ({
  ...definition,
  phases: definition.phases.map((phase) => phaseWithRun(phase, toGiven)),
  settle: (run, em, outcome) => definition.settle(toGiven(run), em, outcome),
  result: (run, em, outcome) => definition.result(toGiven(run), em, outcome),
});

function phaseWithRun<Input, Facts, Given>(
  phase: Phase<Input, Facts, Given>,
  toGiven: (run: Run<Input, Facts>) => Given,
): Phase<Input, Facts> {
  if (phase.where === "platform") {
    const { undo } = phase;
    return {
      ...phase,
      ensure: (run, em) => phase.ensure(toGiven(run), em),
      undo: typeof undo === "function" ? (run, em) => undo(toGiven(run), em) : undo,
    };
  }
  const { undo } = phase;
  return {
    ...phase,
    ensure: (run: Run<Input, Facts>) => phase.ensure(toGiven(run)),
    undo: typeof undo === "function" ? (run: Run<Input, Facts>) => undo(toGiven(run)) : undo,
  };
}

export interface BeginOptions<Input> {
  readonly operationId: string;
  readonly actor: Actor;
  readonly input: Input;
  readonly dryRun: boolean;
  /** Set when a failed operation is retried as it was: its subject. */
  readonly retry: { readonly subjectId: string } | null;
}

/** Lets the engine keep definitions of different inputs in one list. */
// biome-ignore lint/suspicious/noExplicitAny: the engine parses the input with the definition's own schema
export type AnyOperation = OperationDefinition<any, any>;
