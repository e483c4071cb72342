import type { Command } from "commander";
import updateFlags from "../generated/update-tenant.json" with { type: "json" };
import { addExample, GROUPS, SLUG } from "../terminal/run-flags.ts";
import type { InviteFlags, PeopleFlags } from "./people.ts";
import type { UpdateFlags } from "./update.ts";

const load = () => import("./people.ts");

const JSON_LINES = ["--json", "one JSON object a line"] as const;
const WHOSE = ["--email <email>", "whose (default: the only open one)"] as const;

/** Adds the commands about who uses a tenant, and what the registry keeps of it. */
export function addTenantPeople(tenant: Command): void {
  addUpdate(tenant);
  addInvitations(tenant);
  addMembers(tenant);
}

function addUpdate(tenant: Command): void {
  const update = tenant
    .command("update")
    .description(
      "change what the registry keeps of a tenant; an empty text clears a field, or a limit of its own",
    )
    .requiredOption(...SLUG);
  for (const [heading, flags] of Object.entries(updateFlags)) {
    update.optionsGroup(heading);
    for (const { flag, help } of flags) update.option(flag, help);
  }
  update
    .optionsGroup(GROUPS.run)
    .option("--no-wait", "do not wait until its logins have new limits")
    .option("--json", "one JSON object a line, the result last");
  addExample(update, "tenant update --slug acme --tier premium").action(
    async (flags: UpdateFlags) => (await import("./update.ts")).update(update, flags),
  );
}

function addInvitations(tenant: Command): void {
  const group = tenant
    .command("invitation")
    .description("list, send, send again and revoke the invitations to a tenant");
  addExample(group, "tenant invitation list --slug acme");
  const list = group
    .command("list")
    .description("list invitations with their state, and whether their mail has left")
    .requiredOption(...SLUG)
    .option(...JSON_LINES);
  addExample(list, "tenant invitation list --slug acme").action(async (flags: PeopleFlags) =>
    (await load()).listTenantInvitations(flags),
  );
  const send = group
    .command("send")
    .description("make somebody a member of an active tenant, and invite them by mail")
    .requiredOption(...SLUG)
    .requiredOption("--email <email>", "the person's email")
    .option("--name <name>", "the person's name")
    .option("--role <role>", "owner, admin or member", "admin")
    .option("--allow-existing-user", "link somebody whom another tenant knows already")
    .option(...JSON_LINES);
  addExample(send, "tenant invitation send --slug acme --email bo@acme.example").action(
    async (flags: InviteFlags) => (await load()).sendInvitation(flags),
  );
  const resend = group
    .command("resend")
    .description("send a new link, also for an expired one; the one before stops working")
    .requiredOption(...SLUG)
    .option(...WHOSE)
    .option(...JSON_LINES);
  addExample(resend, "tenant invitation resend --slug acme").action(async (flags: PeopleFlags) =>
    (await load()).resendTenantInvitation(flags),
  );
  const revoke = group
    .command("revoke")
    .description("take an invitation back: its link stops working")
    .requiredOption(...SLUG)
    .option(...WHOSE)
    .option(...JSON_LINES);
  addExample(revoke, "tenant invitation revoke --slug acme --email bo@acme.example").action(
    async (flags: PeopleFlags) => (await load()).revokeTenantInvitation(flags),
  );
}

function addMembers(tenant: Command): void {
  const group = tenant
    .command("member")
    .description("list the people who belong to a tenant, and take one out");
  addExample(group, "tenant member list --slug acme");
  const list = group
    .command("list")
    .description("list the people who belong to a tenant")
    .requiredOption(...SLUG)
    .option(...JSON_LINES);
  addExample(list, "tenant member list --slug acme").action(async (flags: PeopleFlags) =>
    (await load()).listTenantMembers(flags),
  );
  const remove = group
    .command("remove")
    .description("take somebody out of a tenant, with their open invitations")
    .requiredOption(...SLUG)
    .requiredOption("--email <email>", "whom")
    .option(...JSON_LINES);
  addExample(remove, "tenant member remove --slug acme --email bo@acme.example").action(
    async (flags: InviteFlags) => (await load()).removeTenantMember(flags),
  );
}
