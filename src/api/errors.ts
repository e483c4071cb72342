import type { ObjectRef } from "@pothos/core";
import {
  DomainError,
  type FieldIssue,
  isDomainError,
  type MigrationFault,
  RateLimitedError,
} from "../kernel/domain-error.ts";
import { ERROR_CODES, type ErrorCode } from "../kernel/error-codes.ts";
import { OperationInProgress } from "../operations/engine/start-operation.ts";
import { findTenant } from "../tenants/registry.ts";
import { slugAvailability } from "../tenants/slug-availability.ts";
import { builder } from "./builder.ts";
import { describedEnum } from "./described-enum.ts";
import { OperationRef, TenantRef } from "./refs.ts";
import { readableBy } from "./tenants/secret-names.ts";

export const ErrorCodeRef = describedEnum<ErrorCode>(
  "ErrorCode",
  "Every way in which a request or an operation can fail. The list may grow: have a default case beside those that you know.",
  Object.fromEntries(
    Object.entries(ERROR_CODES).map(([code, { text, nextAction }]) => [
      code,
      `${text.replace(/\.?$/, ".")} ${nextAction}`,
    ]),
  ) as Record<ErrorCode, string>,
);

export const MigrationFaultRef = builder.objectRef<MigrationFault>("MigrationFault").implement({
  description: "A place in a migration or seed file that failed or is refused.",
  fields: (t) => ({
    file: t.exposeString("file", { description: "The file, below its folder." }),
    line: t.exposeInt("line", {
      nullable: true,
      description: "Its line, counted from 1; null where it is the file as a whole.",
    }),
    statement: t.exposeString("statement", {
      nullable: true,
      description: "The statement on one line, cut where it is long; null as `line` is.",
    }),
    sqlState: t.exposeString("sqlState", {
      nullable: true,
      description: "PostgreSQL's code for what went wrong; null where PostgreSQL was not asked.",
    }),
    detail: t.exposeString("detail", {
      nullable: true,
      description:
        "PostgreSQL's DETAIL, such as which key is double: it may hold values of the tenant's rows.",
    }),
    hint: t.exposeString("hint", { nullable: true, description: "PostgreSQL's HINT." }),
    constraint: t.exposeString("constraint", {
      nullable: true,
      description: "The name of the constraint that was violated.",
    }),
  }),
});

/** A refused request as the schema shows it: graphql would throw an Error that a resolver answers. */
class Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly nextAction: string;
  readonly issues: readonly FieldIssue[];
  readonly migration: MigrationFault | null;
  /** The operation that is in the way, where there is one. */
  readonly operationId: string | null;
  /** The slug that is taken, where one is. */
  readonly slug: string | null;
  /** How long to wait in seconds, where that is known. */
  readonly retryAfter: number | null;

  constructor(error: DomainError) {
    this.code = error.code;
    this.message = error.message;
    this.retryable = error.retryable;
    this.nextAction = error.nextAction;
    this.issues = error.issues;
    this.migration = error.migration;
    this.operationId = error instanceof OperationInProgress ? error.operationId : null;
    this.slug = typeof error.detail.slug === "string" ? error.detail.slug : null;
    this.retryAfter = error instanceof RateLimitedError ? error.retryAfterSeconds : null;
  }

  /** The type that says most about it. */
  get member(): string {
    if (this.operationId !== null) return "OperationInProgressError";
    if (this.retryAfter !== null) return "RateLimitedError";
    if (this.issues.length > 0) return "ValidationError";
    return this.code === "E_ALREADY_PROVISIONED" && this.slug !== null
      ? "SlugTakenError"
      : "RefusedError";
  }
}

export const UserErrorRef = builder.interfaceRef<Refusal>("UserError").implement({
  description:
    "A failure that a caller can do something about. Every mutation's result has members of this kind; select `... on UserError` to understand those that are added later, too.",
  resolveType: ({ member }) => member,
  fields: (t) => ({
    code: t.expose("code", { type: ErrorCodeRef, description: "What went wrong, for programs." }),
    message: t.string({
      description: "What went wrong, for people.",
      resolve: ({ message }, _args, context) => readableBy(context, message),
    }),
    retryable: t.exposeBoolean("retryable", {
      description: "Whether the same request can succeed later without being changed.",
    }),
    nextAction: t.exposeString("nextAction", { description: "The next thing to do, for people." }),
    migration: t.expose("migration", {
      type: MigrationFaultRef,
      nullable: true,
      description: "The file of migrations or seeds that it is about; null where it is about none.",
    }),
  }),
});

const ValidationIssue = builder.objectRef<FieldIssue>("ValidationIssue").implement({
  description: "One fault of one field of the input.",
  fields: (t) => ({
    path: t.stringList({
      description: 'The way to the field from the input: `["states", "0"]`.',
      resolve: (issue) => [...issue.path],
    }),
    message: t.exposeString("message", {
      description: "What is wrong with the field, for people.",
    }),
    code: t.expose("code", { type: ErrorCodeRef, description: "What is wrong, for programs." }),
  }),
});

export const ValidationErrorRef = builder.objectRef<Refusal>("ValidationError").implement({
  description: "The input is not valid. All faults are told at once.",
  interfaces: [UserErrorRef],
  fields: (t) => ({
    issues: t.field({
      type: [ValidationIssue],
      description: "Every faulty field.",
      resolve: ({ issues }) => [...issues],
    }),
  }),
});

export const OperationInProgressErrorRef = builder
  .objectRef<Refusal>("OperationInProgressError")
  .implement({
    description:
      "The tenant has a running operation, and can have only one. Follow that one, or cancel it.",
    interfaces: [UserErrorRef],
    fields: (t) => ({
      operation: t.field({
        type: OperationRef,
        description: "The operation that is running.",
        resolve: async ({ operationId }, _args, { load }) => {
          const operation = await load.operation.load(operationId ?? "");
          if (operation === null) throw new DomainError("E_OPERATION_NOT_FOUND");
          return operation;
        },
      }),
    }),
  });

export const SlugTakenErrorRef = builder.objectRef<Refusal>("SlugTakenError").implement({
  description: "A tenant with this slug exists already: ask for another slug.",
  interfaces: [UserErrorRef],
  fields: (t) => ({
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: "The tenant that has it; null where it has gone by now.",
      resolve: ({ slug }, _args, { em }) => findTenant(em(), { slug: slug ?? "" }),
    }),
    suggestions: t.stringList({
      description: "Slugs like it that can be given; none where none was found.",
      resolve: async ({ slug }, _args, { em }) => {
        const { suggestion } = await slugAvailability(em(), slug ?? "");
        return suggestion === null ? [] : [suggestion];
      },
    }),
  }),
});

export const RateLimitedErrorRef = builder.objectRef<Refusal>("RateLimitedError").implement({
  description:
    "There were too many attempts for this account or from this address. Until the wait is over nothing is looked at, not even the right password.",
  interfaces: [UserErrorRef],
  fields: (t) => ({
    retryAfter: t.int({
      description: "After how many seconds the same request may be sent again.",
      resolve: ({ retryAfter }) => retryAfter ?? 1,
    }),
  }),
});

const RefusedErrorRef = builder.objectRef<Refusal>("RefusedError").implement({
  description: "The request was understood and refused; `code` says why.",
  interfaces: [UserErrorRef],
});

export type ErrorRef = typeof RefusedErrorRef;

/**
 * Adds a mutation's result to the schema: its payload, or one of the errors. `RefusedError` is
 * always one, and stands in for those that are not listed.
 */
export function resultOf<Payload extends object>(
  name: string,
  payload: { readonly name: string },
  errors: readonly ErrorRef[],
): ObjectRef<never, Payload | Refusal> {
  const members = [...errors, RefusedErrorRef];
  return builder.unionType(name, {
    description: `What \`${name.charAt(0).toLowerCase()}${name.slice(1, -"Result".length)}\` answers: the payload, or why there is none.`,
    types: [payload as ErrorRef, ...members],
    resolveType: (value: unknown) => {
      if (!(value instanceof Refusal)) return payload.name;
      return members.some((ref) => ref.name === value.member) ? value.member : "RefusedError";
    },
  }) as unknown as ObjectRef<never, Payload | Refusal>;
}

/** Errors of the request itself rather than of what it asks for: never a member of a result. */
const OF_THE_REQUEST: readonly ErrorCode[] = ["E_FORBIDDEN", "E_INTERNAL"];

/** An expected failure as a field of type `UserError` answers it. */
export const toRefusal = (error: DomainError): Refusal => new Refusal(error);

/** Does what a mutation asks for; an expected failure becomes its answer. */
export async function answer<Payload>(work: () => Promise<Payload>): Promise<Payload | Refusal> {
  try {
    return await work();
  } catch (error) {
    if (isDomainError(error) && !OF_THE_REQUEST.includes(error.code)) return new Refusal(error);
    throw error;
  }
}
