import type { ExecutionResult } from "graphql";
import type { Plugin } from "graphql-yoga";
import { AuditedRefusal, tellRefusal } from "../../audit/refusal.ts";
import type { Platform } from "../../platform.ts";

/** Tells the audit trail what callers were refused, on every transport, before they are answered. */
export function tellRefusals({ orm }: Pick<Platform, "orm">): Plugin {
  const telling =
    <Args, Result extends object>(run: (args: Args) => Result | Promise<Result>) =>
    async (args: Args): Promise<Result> => {
      const result = await run(args);
      const { errors = [] } = result as ExecutionResult;
      for (const { originalError } of errors) {
        if (originalError instanceof AuditedRefusal) await tellRefusal(orm.em, originalError);
      }
      return result;
    };
  return {
    onExecute: ({ executeFn, setExecuteFn }) => setExecuteFn(telling(executeFn)),
    onSubscribe: ({ subscribeFn, setSubscribeFn }) => setSubscribeFn(telling(subscribeFn)),
  };
}
