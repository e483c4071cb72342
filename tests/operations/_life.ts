import pg from "pg";
import { expect } from "vitest";
import { sqlStateOf } from "../../src/database/faults.ts";
import type { Actor } from "../../src/iam/actor.ts";
import { newId } from "../../src/kernel/ids.ts";
import type { OperationCatalog } from "../../src/operations/catalog.ts";
import { followOperations } from "../../src/operations/engine/follow.ts";
import { hasEnded } from "../../src/operations/engine/journal.ts";
import type { Operation } from "../../src/operations/engine/operation.entity.ts";
import type { ProvisionRequest } from "../../src/operations/provision/input.ts";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import type { Platform } from "../../src/platform.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { freshSlug } from "../kit/database.ts";
import type { TestPlatform } from "../kit/platform.ts";
import { followToEnd, OPERATOR, provision } from "../kit/tenants.ts";

type Act = Exclude<keyof OperationCatalog, "provisionTenant">;

/** The life of a platform's tenants, as tests lead it. */
export class Life {
  readonly #world: Pick<TestPlatform, "platform">;

  constructor(world: Pick<TestPlatform, "platform">) {
    this.#world = world;
  }

  get platform(): Platform {
    return this.#world.platform;
  }

  get em() {
    return this.platform.orm.em.fork();
  }

  tenant(slug: string) {
    return tenantBySlug(this.em, slug);
  }

  async provisioned(request: Partial<ProvisionRequest> = {}): Promise<string> {
    const slug = request.slug ?? freshSlug("life");
    const { operation } = await provision(this.platform, { ...request, slug });
    expect(operation.state).toBe("SUCCEEDED");
    return slug;
  }

  async start(
    act: Act,
    input: { slug: string; [field: string]: unknown },
    actor: Actor = OPERATOR,
    dryRun = false,
  ): Promise<Operation> {
    const { platform } = this;
    const options = { dryRun, idempotencyKey: null };
    // biome-ignore lint/suspicious/noExplicitAny: the operation reads the request by its own rules
    const operation = platform.operations[act] as any;
    return (await startOnTenant(platform, actor, operation, input, options)).operation;
  }

  /** Starts an operation and waits for its end. */
  async run(...request: Parameters<Life["start"]>): Promise<Operation> {
    return (await followToEnd(this.platform, (await this.start(...request)).id)).operation;
  }

  /** Waits, over the feed of all operations, for the end of one that begins now, by itself. */
  async follow(slug: string, kind: string, act: () => Promise<unknown>): Promise<Operation> {
    const feed = followOperations(this.platform);
    const since = newId();
    await act();
    for await (const operation of feed) {
      const { id, state } = operation;
      const wanted = operation.subjectName === slug && operation.kind === kind && id > since;
      if (wanted && hasEnded(state)) return operation;
    }
    throw new Error("the feed has ended");
  }

  /** Whether the tenant's application can log in: true, or the SQLSTATE of the refusal. */
  async login(slug: string): Promise<true | string | undefined> {
    const secret = await this.platform.secrets.get(`tenant-db-${slug}`);
    const client = new pg.Client({ connectionString: secret?.value ?? "" });
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.query("select count(*) from organization");
      return true;
    } catch (error) {
      return sqlStateOf(error);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** The audit facts of an operation, by type. */
  async facts(operationId: string): Promise<Record<string, Record<string, unknown>>> {
    const rows = await this.em.execute<{ type: string; detail: Record<string, unknown> }[]>(
      "select type, detail from platform.audit_event where operation_id = ? order by sequence",
      [operationId],
    );
    return Object.fromEntries(rows.map(({ type, detail }) => [type, detail]));
  }

  /** The timers of an offboarding that are still to come, by how many seconds they have left. */
  async timers(operationId: string): Promise<number[]> {
    const rows = await this.em.execute<{ left: number }[]>(
      `select ceil(coalesce(delay_until_epoch_ms, 0) / 1000.0 - extract(epoch from now()))::int as left
       from dbos.workflow_status
       where name = 'timer' and status in ('DELAYED', 'ENQUEUED') and workflow_uuid like ? order by 1`,
      [`${operationId}-timer-%`],
    );
    return rows.map(({ left }) => left);
  }

  /** Lets a retention window and its timer end now. */
  async endWindow(slug: string, operationId: string): Promise<void> {
    await this.em.execute(
      "update platform.tenant set purge_after = now() where slug = ? and status = 'OFFBOARDED'",
      [slug],
    );
    await this.em.execute(
      "update dbos.workflow_status set delay_until_epoch_ms = 0 where name = 'timer' and workflow_uuid like ?",
      [`${operationId}-timer-%`],
    );
  }
}
