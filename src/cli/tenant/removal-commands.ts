import type { Command } from "commander";
import { wholeNumber } from "../terminal/flag-values.ts";
import { addExample, addRunFlags, SLUG, WHY, YES } from "../terminal/run-flags.ts";
import type { SlugFlags } from "./acts.ts";
import type { CleanupFlags } from "./cleanup.ts";
import type { LockFlags } from "./lock.ts";
import type { OffboardFlags, PurgeFlags, ReasonFlags } from "./removal.ts";

const load = () => import("./removal.ts");

/** Adds the commands that take tenants out of use, and bring them back. */
export function addTenantRemoval(tenant: Command): void {
  addSuspension(tenant);
  addOffboarding(tenant);
  addPurge(tenant);
  addLock(tenant);
}

function addSuspension(tenant: Command): void {
  const suspend = tenant
    .command("suspend")
    .description("keep a tenant's application and users out; nothing is lost")
    .requiredOption(...SLUG)
    .option(...WHY);
  addExample(addRunFlags(suspend), 'tenant suspend --slug acme --reason "unpaid"').action(
    async (flags: ReasonFlags) => (await load()).suspend(flags),
  );
  const resume = tenant
    .command("resume")
    .description("let a suspended tenant's application and users in again")
    .requiredOption(...SLUG);
  addExample(addRunFlags(resume), "tenant resume --slug acme").action(async (flags: SlugFlags) =>
    (await load()).resume(flags),
  );
}

function addOffboarding(tenant: Command): void {
  const offboard = tenant
    .command("offboard")
    .description("take a tenant out of use for good; it is purged when its retention window ends")
    .requiredOption(...SLUG)
    .option("--retention-days <number>", "how long it can be restored (default: 30)", wholeNumber)
    .option("--purge", "purge it right behind; needs --reason")
    .option(...WHY)
    .option(...YES);
  addExample(addRunFlags(offboard), "tenant offboard --slug acme --retention-days 90").action(
    async (flags: OffboardFlags) => (await load()).offboard(flags),
  );
  const restore = tenant
    .command("restore")
    .description("bring an offboarded tenant back as it was")
    .requiredOption(...SLUG);
  addExample(addRunFlags(restore), "tenant restore --slug acme").action(async (flags: SlugFlags) =>
    (await load()).restore(flags),
  );
}

function addPurge(tenant: Command): void {
  const purge = tenant
    .command("purge")
    .description("remove everything of a tenant whose retention window has ended")
    .requiredOption(...SLUG)
    .option("--now", "before the window has ended, or without one; needs --reason")
    .option(...WHY)
    .option(...YES);
  addExample(addRunFlags(purge), 'tenant purge --slug acme --now --reason "asked for it"').action(
    async (flags: PurgeFlags) => (await load()).purge(flags),
  );
  const cleanup = tenant
    .command("cleanup")
    .description("clear away tenants whose provisioning failed, and free their slugs")
    .option("--slug <slug>", "only this tenant (default: every failed one)")
    .option("--drop-schema", "remove schema or database, roles and secret as well")
    .option(...YES);
  addExample(addRunFlags(cleanup), "tenant cleanup --drop-schema").action(
    async (flags: CleanupFlags) => (await import("./cleanup.ts")).cleanup(flags),
  );
}

function addLock(tenant: Command): void {
  const lock = tenant
    .command("lock")
    .description("lock a tenant against offboarding, purging and cleaning up")
    .requiredOption(...SLUG)
    .requiredOption(...WHY)
    .option("--json", "one JSON object");
  addExample(lock, 'tenant lock --slug acme --reason "legal hold"').action(
    async (flags: LockFlags) => (await import("./lock.ts")).lock(flags),
  );
  const unlock = tenant
    .command("unlock")
    .description("take a tenant's lock away")
    .requiredOption(...SLUG)
    .option("--json", "one JSON object");
  addExample(unlock, "tenant unlock --slug acme").action(async (flags: LockFlags) =>
    (await import("./lock.ts")).unlock(flags),
  );
}
