import type { z } from "zod";
import { record } from "../audit/record.ts";
import type { EntityManager } from "../database/orm.ts";
import type { Action } from "../iam/grants.ts";
import type { Labelled } from "../kernel/labelled.ts";
import { refuseByStatus, type TenantAct } from "../tenants/lifecycle.ts";
import { expectNamed, lockTenantBySlug, type NamedTenant } from "../tenants/registry.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import {
  type BeginOptions,
  type OperationDefinition,
  type Outcome,
  withRun,
} from "./engine/phase.ts";
import { refuseSecond } from "./engine/start-operation.ts";
import type { TenantPorts } from "./tenant-ports.ts";
import { type TenantPhase, type TenantRun, tenantRun } from "./tenant-run.ts";

/** Every operation on a tenant that exists names it. */
export type TenantInput = NamedTenant;

/** What is particular to one kind of operation on a tenant that exists. */
export interface TenantOperation<Input extends TenantInput, Facts> {
  readonly phases: readonly TenantPhase<Input, Facts>[];
  /** Refuses, or makes ready, what the lifecycle alone cannot decide; in the starting transaction. */
  prepare?(em: EntityManager, tenant: Tenant, start: BeginOptions<Input>): Promise<void>;
  /** Writes what the end means for the tenant; in the ending transaction. */
  settle?(run: TenantRun<Input, Facts>, em: EntityManager, outcome: Outcome): Promise<void>;
  /** What the ended operation shows, also when it failed; no secret. */
  result?(
    run: TenantRun<Input, Facts>,
    em: EntityManager,
    outcome: Outcome,
  ): Promise<Record<string, unknown>> | Record<string, unknown>;
  /** Why it is done, for the audit trail, where the input says so. */
  reason?(input: Input): string | null;
}

/** The mutation that starts an operation: its name also names its input, payload and result. */
export interface MutationDescription {
  readonly name: string;
  readonly description: string;
  /** What the payload is; left out, the usual words. */
  readonly payload?: string;
  /** Of an operation that can be tried first: what `dryRun` means. */
  readonly dryRun?: string;
  /** The refusals that have a type of their own, beside those of every start. */
  readonly errors?: readonly "SlugTakenError"[];
}

/** The command that starts an operation; its flags stand at the fields of the input. */
export interface CommandDescription {
  /** The words that call it: `tenant add-lab`. */
  readonly words: string;
  /** What it does, for the list of commands. */
  readonly does: string;
  /** What it is doing while it runs, before the tenant's slug: `Adding a laboratory to`. */
  readonly title: string;
  /** What stands behind its words in an example; or several examples, as they are shown. */
  readonly example: string;
  /** Of an operation that can be tried first: what `--dry-run` does. */
  readonly dryRun?: string;
  /**
   * What is asked before it starts where something is lost, `{slug}` standing for the tenant: by the field
   * that must be true for it to be asked, or `always`; the first that fits.
   */
  readonly asks?: Readonly<Record<string, string>>;
  /** What its `--yes` does, where more is to be said of it than usual. */
  readonly yes?: string;
  /** The flag that names the tenant, where it is not `--slug`. */
  readonly slugFlag?: `--${string}`;
  /** Fields under headings, in the order of the help. */
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  /** An argument whose words stand for inputs. */
  readonly choice?: {
    readonly syntax: string;
    readonly help: string;
    readonly inputs: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
}

/** An ended operation as the API answers it, as far as its page wants to know. */
export interface EndedOperation {
  readonly dryRun: boolean;
  /** In ISO 8601. */
  readonly finishedAt: string | null;
}

/** What an operation is, for whoever asks for it: the API, the command and the documentation are made of it. */
export interface OperationDescription<Input> {
  readonly kind: TenantAct;
  /** What it does, in a sentence or two, without its phases. */
  readonly does: string;
  /** What the caller's role must be granted. */
  readonly grant: Action;
  /** Runs before what waits already: it keeps somebody out. */
  readonly urgent?: boolean;
  /** Goes by the migration folder or the seeds. */
  readonly appliesFiles?: true;
  readonly input: z.ZodObject & z.ZodType<Input>;
  /** What came of it, as the API answers it; left out where there is nothing to show. */
  readonly result?: z.ZodType;
  /** What a dry run found, where that is of another form. */
  readonly plan?: z.ZodType;
  /** The result, or the plan, for a person: as a command shows it. */
  shows?(result: never, operation: EndedOperation): Labelled;
  /** What the platform starts by itself right behind it, and when: a command sees that through, too. */
  readonly followedBy?: {
    readonly kind: TenantAct;
    readonly title: string;
    when(result: never, operation: EndedOperation): boolean;
  };
  /** Left out where other mutations start it. */
  readonly mutation?: MutationDescription;
  /** Left out where other commands start it. */
  readonly command?: CommandDescription;
}

/** An operation as its page defines it: what it is, and how it runs with what it needs. */
export interface DefinedOperation<Input, Facts> extends OperationDescription<Input> {
  open(ports: TenantPorts): OperationDefinition<Input, Facts>;
}

/**
 * Defines an operation on a tenant that exists: it begins with the tenant locked, its status asked in
 * the lifecycle table, and the request and its end in the audit trail.
 */
export const defineOperation = <Input extends TenantInput, Facts>(
  description: OperationDescription<Input>,
  open: (ports: TenantPorts) => TenantOperation<Input, Facts>,
): DefinedOperation<Input, Facts> => ({
  ...description,
  open: (ports) =>
    withRun(tenantOperation(description, open(ports)), (run) => tenantRun(ports, run)),
});

function tenantOperation<Input extends TenantInput, Facts>(
  { kind, urgent = false, appliesFiles, input }: OperationDescription<Input>,
  operation: TenantOperation<Input, Facts>,
): OperationDefinition<Input, Facts, TenantRun<Input, Facts>> {
  return {
    kind,
    urgent,
    input,
    phases: operation.phases,
    ...(appliesFiles ? { appliesFiles } : {}),
    begin: async (em, start) => {
      const tenant = await lockForOperation(em, kind, start);
      await operation.prepare?.(em, tenant, start);
      if (!start.dryRun) {
        record(em, start.actor, {
          type: "TENANT_OPERATION_REQUESTED",
          tenant: { id: tenant.id, slug: tenant.slug },
          operationId: start.operationId,
          detail: { kind, reason: operation.reason?.(start.input) ?? null },
        });
      }
      return {
        id: start.dryRun ? null : tenant.id,
        name: tenant.slug,
        partition: tenant.dbServerId ?? "unplaced",
      };
    },
    settle: async (run, em, outcome) => {
      await operation.settle?.(run, em, outcome);
      if (run.dryRun) return;
      const { state } = outcome;
      const ended =
        state === "SUCCEEDED"
          ? { code: null, undone: null }
          : { code: outcome.error.code, undone: outcome.undone };
      run.record(em, "TENANT_OPERATION_ENDED", { kind, state, ...ended });
    },
    result: async (run, em, outcome) => (await operation.result?.(run, em, outcome)) ?? {},
  };
}

/**
 * The tenant, locked until the transaction ends, if its status allows the operation.
 *
 * @throws DomainError E_TENANT_NOT_FOUND, E_OPERATION_IN_PROGRESS, or what the lifecycle refuses with
 */
async function lockForOperation(
  em: EntityManager,
  kind: TenantAct,
  { input, retry }: BeginOptions<TenantInput>,
): Promise<Tenant> {
  const { slug } = input;
  const found = await lockTenantBySlug(em, slug, retry ? { id: retry.subjectId } : { slug });
  const tenant = expectNamed(found, input);
  await refuseSecond(em, tenant.id);
  refuseByStatus(tenant, kind);
  return tenant;
}
