import { z } from "zod";
import { type Described, describedObject } from "../kernel/described.ts";
import { lineField } from "../kernel/input.ts";
import { row } from "../kernel/labelled.ts";
import {
  chooseOrganization,
  ensureLaboratory,
  laboratoryExists,
  type Organization,
  refuseSameName,
  refuseWithoutLaboratories,
  removeLaboratory,
  takeLaboratoryId,
} from "../laboratories/add-laboratory.ts";
import { lookAsOwner, transactAsOwner } from "../tenant-schemas/as-owner.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import { defineOperation } from "./define-operation.ts";
import { nothing } from "./engine/phase.ts";
import { inTenantDatabase } from "./site/databases.ts";
import type { TenantPorts } from "./tenant-ports.ts";
import type { TenantRun } from "./tenant-run.ts";

const AddLaboratoryInput = z
  .strictObject({
    ...namedTenant,
    name: lineField(200).meta({
      description: "Its name, 1 to 200 characters.",
      flag: "--name <name>",
      help: "the laboratory's name",
    }),
    setupName: z.string().min(1).max(200).nullable().default(null).meta({
      description:
        "The setup name of the organization that gets it; needed where the tenant has several.",
      flag: "--setup-name <name>",
      help: "the organization's setup, where the tenant has several",
    }),
  })
  .describe("The laboratory to add.");
export type AddLaboratoryInput = z.infer<typeof AddLaboratoryInput>;

const Laboratory = describedObject("LaboratoryResult", "What came of adding a laboratory.", {
  laboratoryId: z.string().nullable().meta({
    description: "The laboratory's id in the tenant's schema; null where it was not added.",
    isId: true,
  }),
  laboratoryName: z
    .string()
    .nullable()
    .describe("The laboratory's name; null where it was not added."),
  organizationName: z
    .string()
    .nullable()
    .describe("The name of the organization that it belongs to; null when none was found."),
  setupName: z
    .string()
    .nullable()
    .describe("The setup name of that organization; null when none was found."),
});

interface AddLaboratoryFacts {
  readonly organization: Organization;
  /** The id that the laboratory is to have: taken beforehand, so that an undo knows its own row. */
  readonly takenId: string;
  readonly laboratory: { readonly id: string; readonly name: string };
}

type AddLaboratoryRun = TenantRun<AddLaboratoryInput, AddLaboratoryFacts>;

/** Reads what earlier versions have kept, too. */
const LaboratoryResult = z.preprocess((kept: Partial<AddLaboratoryFacts>) => {
  if (!("laboratory" in kept || "organization" in kept)) return kept;
  return resultOf(kept);
}, Laboratory);

/** Adds a laboratory to an organization of a tenant. */
export const addLaboratory = defineOperation<AddLaboratoryInput, AddLaboratoryFacts>(
  {
    kind: "ADD_LABORATORY",
    does: "Adds a laboratory to one of a tenant's organizations.",
    grant: "tenant:operate",
    input: AddLaboratoryInput,
    result: LaboratoryResult,
    shows: ({
      laboratoryId,
      laboratoryName,
      organizationName,
      setupName,
    }: Described<typeof Laboratory>) => [
      ...row("laboratory", laboratoryId && `${laboratoryName} (${laboratoryId})`),
      ...row("organization", organizationName && `${organizationName} (${setupName})`),
    ],
    mutation: {
      name: "addLaboratory",
      description:
        "Adds a laboratory to the tenant's organization, or to the one that `setupName` selects. A name that the organization has already is refused.",
    },
    command: {
      words: "tenant add-lab",
      does: "add a laboratory to a tenant's organization",
      title: "Adding a laboratory to",
      example: '--slug acme --name "Second laboratory"',
    },
  },
  (ports) => ({
    phases: [
      {
        name: "ORGANIZATION_RESOLVED",
        where: "outside",
        inDryRun: true,
        ensure: (run) => resolve(ports, run),
        undo: nothing("it only looks, and an id that is not used harms nobody"),
      },
      {
        name: "LABORATORY_ADDED",
        where: "outside",
        ensure: (run) => add(ports, run),
        undo: (run) => remove(ports, run),
      },
      {
        name: "REGISTERED",
        where: "platform",
        ensure: async (run, em) => {
          const { organization, takenId } = resolved(run);
          const { name } = run.input;
          const setup = organization.setupName.slice(0, 500);
          run.record(em, "LABORATORY_ADDED", { laboratory: name, organization: setup });
          return { laboratory: { id: takenId, name } };
        },
        undo: nothing("it is the last phase"),
      },
    ],
    result: ({ facts }) => resultOf(facts),
  }),
);

const resultOf = ({ laboratory, organization }: Partial<AddLaboratoryFacts>) => ({
  laboratoryId: laboratory?.id ?? null,
  laboratoryName: laboratory?.name ?? null,
  organizationName: organization?.name ?? null,
  setupName: organization?.setupName ?? null,
});

/** Decides every refusal, once: what follows cannot take its own row for somebody else's. */
async function resolve(
  ports: TenantPorts,
  run: AddLaboratoryRun,
): Promise<Partial<AddLaboratoryFacts>> {
  const site = await run.site();
  const { name, setupName } = run.input;
  return await inTenantDatabase(ports, site, (client) =>
    lookAsOwner(client, site.names, async (ask) => {
      await refuseWithoutLaboratories(ask);
      const organization = await chooseOrganization(ask, setupName);
      await refuseSameName(ask, organization, name);
      return run.dryRun ? { organization } : { organization, takenId: await takeLaboratoryId(ask) };
    }),
  );
}

const resolved = ({ facts }: AddLaboratoryRun) => {
  const { organization, takenId } = facts;
  if (organization === undefined || takenId === undefined)
    throw new Error("The organization is not resolved yet");
  return { organization, takenId };
};

async function add(ports: TenantPorts, run: AddLaboratoryRun): Promise<undefined> {
  const site = await run.site();
  const { organization, takenId } = resolved(run);
  const { name } = run.input;
  const added = await inTenantDatabase(ports, site, (client) =>
    transactAsOwner(client, site.names, (ask) =>
      ensureLaboratory(ask, { id: takenId, organizationId: organization.id, name }),
    ),
  );
  if (!added) throw laboratoryExists(name, organization);
}

/** Removes the row of this operation's own id, and no other. */
async function remove(ports: TenantPorts, run: AddLaboratoryRun): Promise<void> {
  const site = await run.site();
  const { takenId } = resolved(run);
  await inTenantDatabase(ports, site, (client) =>
    transactAsOwner(client, site.names, (ask) => removeLaboratory(ask, takenId)),
  );
}
