import { z } from "zod";
import { emailField } from "../iam/users/email.ts";
import { lineField, unique } from "../kernel/input.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import { Tier } from "../tenants/tiers.ts";

/** A field of a tenant that is only noted: nothing is done on its db server because of it, limits by tier aside. */
interface Noted {
  /** Its rule and default in the input of provisioning, with its description and its flag. */
  readonly input: z.ZodDefault;
  /** What the API says of it as it is answered. */
  readonly answer: string;
  /** What `tenant show` calls it; those of one name stand on one line. */
  readonly shown: string;
  /** What the API and the command say of changing it; left out where it stays as it was provisioned. */
  readonly update?: {
    readonly description: string;
    readonly help: string;
    /** Whether the role BILLING may change it, too. */
    readonly billing?: true;
  };
  /** Leads to a person: a purge removes it. */
  readonly personal?: true;
}

const isTimeZone = (zone: string): boolean => {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return /^[A-Za-z]/.test(zone);
  } catch {
    return false;
  }
};

/**
 * What is noted of a tenant, each with all that is said of it: inputs, answers, flags and shown rows are made from
 * this. Their names are those of the columns.
 */
export const PROFILE = {
  vertical: {
    input: lineField(60).nullable().default(null).meta({
      description: "Its line of business, at most 60 characters.",
      flag: "--vertical <word>",
      help: "line of business",
    }),
    answer: "Its line of business; null when none was named.",
    shown: "vertical",
    update: {
      description: "Its line of business, at most 60 characters, or null.",
      help: "line of business",
    },
  },
  states: {
    input: z
      .array(z.string().regex(/^[A-Z]{2}(-[A-Z0-9]{1,3})?$/, "must be a code such as CA or US-CA"))
      .max(100, "must name at most 100 states")
      .refine(unique, "must name each state once")
      .default([])
      .meta({
        description: "The codes of the states it works in, such as `CA` or `US-CA`; at most 100.",
        flag: "--states <codes>",
        help: "states it works in, such as CA,NY",
      }),
    answer: "The codes of the states it works in, such as `CA` or `US-CA`.",
    shown: "states",
  },
  tier: {
    input: Tier.default("STANDARD").meta({
      description: "Its plan.",
      flag: "--tier <tier>",
      help: "trial, standard, premium or enterprise (default: standard)",
    }),
    answer: "The plan that it is on.",
    shown: "tier",
    update: {
      description: "The plan that it is on.",
      help: "trial, standard, premium or enterprise",
      billing: true,
    },
  },
  timeZone: {
    input: z
      .string()
      .refine(isTimeZone, "must be an IANA time zone such as Europe/Berlin")
      .default("UTC")
      .meta({
        description: "Its IANA time zone: `Europe/Berlin`.",
        flag: "--time-zone <zone>",
        help: "IANA time zone, such as Europe/Berlin (default: UTC)",
      }),
    answer: "Its IANA time zone: `Europe/Berlin`.",
    shown: "time zone",
  },
  supportEmail: {
    input: emailField.nullable().default(null).meta({
      description: "Where its users ask for help.",
      flag: "--support-email <email>",
      help: "where its users ask for help",
    }),
    answer: "Where its users ask for help; null when none was named.",
    shown: "support",
    update: {
      description: "Where its users ask for help, or null.",
      help: "where its users ask for help",
      billing: true,
    },
    personal: true,
  },
  supportPhone: {
    input: z
      .string()
      .regex(/^\+?[0-9][0-9 ().-]{3,28}[0-9]$/, "must be a phone number such as +49 30 1234567")
      .nullable()
      .default(null)
      .meta({
        description: "Where its users call for help: `+49 30 1234567`.",
        flag: "--support-phone <number>",
        help: "as above, by phone",
      }),
    answer: "Where its users call for help; null when none was named.",
    shown: "support",
    update: {
      description: "Where its users call for help, such as `+49 30 1234567`, or null.",
      help: "as above, by phone",
      billing: true,
    },
    personal: true,
  },
} as const satisfies Partial<Record<keyof Tenant, Noted>>;

type Profile = typeof PROFILE;
export type ProfileField = keyof Profile;
/** The fields that can be changed, each with its rule then. */
type UpdateShape = {
  [Name in ProfileField as Profile[Name] extends Pick<Required<Noted>, "update">
    ? Name
    : never]: ReturnType<Profile[Name]["input"]["unwrap"]>;
};

const NOTED = Object.entries(PROFILE) as [ProfileField, Noted][];

/** An object with something of each field; each that answers undefined is left out. */
const ofEach = <Made>(make: (noted: Noted, name: ProfileField) => unknown): Made =>
  Object.fromEntries(
    NOTED.map(([name, noted]) => [name, make(noted, name)]).filter(
      ([, made]) => made !== undefined,
    ),
  ) as Made;

/** The fields in the input of provisioning. */
export const profileInputs = ofEach<{ [Name in ProfileField]: Profile[Name]["input"] }>(
  ({ input }) => input,
);

/** The fields in the input of an update. */
export const profileUpdates = ofEach<UpdateShape>(({ input, update }) => {
  if (update === undefined) return undefined;
  const { flag } = input.meta() ?? {};
  const { description, help, billing } = update;
  const needs = billing ? "" : " Needs `tenant:edit`.";
  const rule = input.unwrap() as z.ZodType;
  return rule.meta({ description: `${description}${needs}`, help, ...(flag ? { flag } : {}) });
});

/** What the role BILLING may change. */
export const isBillingField = (name: string): boolean =>
  NOTED.some(([field, { update }]) => field === name && update?.billing);

/** The fields as the API answers them. */
export const profileAnswers = z.object(
  ofEach<z.ZodRawShape>(({ input, answer }) => (input.unwrap() as z.ZodType).describe(answer)),
);

/** The columns that keep the profile. */
type ProfileRow = Pick<Tenant, ProfileField>;

export const profileOf = (input: ProfileRow): ProfileRow =>
  ofEach<ProfileRow>((_, name) => input[name]);

/** The columns of a tenant of which nothing is known. */
export const unknownProfile = (): ProfileRow =>
  ofEach<ProfileRow>(({ input }) => input.parse(undefined));

/** The columns without what leads to a person. */
export const withoutPersonal = ofEach<Partial<ProfileRow>>(({ personal }) => personal && null);

/** The rows that `tenant show` has of a profile. */
export function profileShown(
  tenant: Readonly<Record<ProfileField, unknown>>,
): [string, string | null][] {
  const labels = [...new Set(NOTED.map(([, { shown }]) => shown))];
  return labels.map((label) => {
    const values = NOTED.filter(([, { shown }]) => shown === label).map(([name]) => tenant[name]);
    return [label, values.flat().filter(Boolean).join(", ") || null];
  });
}
