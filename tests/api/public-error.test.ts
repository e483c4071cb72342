import { GraphQLError } from "graphql";
import { describe, expect, test, vi } from "vitest";
import { publicErrors } from "../../src/api/transport/public-error.ts";
import { DomainError } from "../../src/kernel/domain-error.ts";
import type { Logger } from "../../src/observability/logger.ts";

function setUp() {
  const error = vi.fn();
  return { error, publicErrorOf: publicErrors({ error } as unknown as Logger) };
}

describe("an error", () => {
  test("that was expected keeps its code and says what to do", () => {
    const { publicErrorOf, error } = setUp();
    const shown = publicErrorOf(new DomainError("E_NO_CAPACITY", { detail: { internal: 1 } }));
    expect(shown.toJSON()).toMatchObject({
      message: "no eligible db_server",
      extensions: { code: "E_NO_CAPACITY", retryable: true, nextAction: expect.any(String) },
    });
    expect(JSON.stringify(shown)).not.toContain("internal");
    expect(error).not.toHaveBeenCalled();
  });

  test("that nobody expected is masked, and logged under the id that the caller sees", () => {
    const { publicErrorOf, error } = setUp();
    const shown = publicErrorOf(new Error("password 'hunter2' in postgres://u:p@host"));
    expect(shown.message).toBe("Something unexpected went wrong.");
    expect(shown.extensions.code).toBe("E_INTERNAL");
    expect(JSON.stringify(shown)).not.toContain("hunter2");
    expect(error.mock.calls[0]?.[0]).toMatchObject({ errorId: shown.extensions.errorId });
  });

  test("of a field keeps its path, and leaves HTTP's status alone", () => {
    const { publicErrorOf } = setUp();
    const thrown = new GraphQLError("x", {
      path: ["tenant", "dbServer"],
      originalError: new DomainError("E_UNAUTHENTICATED"),
    });
    const shown = publicErrorOf(thrown);
    expect(shown.path).toEqual(["tenant", "dbServer"]);
    expect(shown.extensions.http).toBeUndefined();
    expect(publicErrorOf(new DomainError("E_UNAUTHENTICATED")).extensions.http).toMatchObject({
      status: 401,
    });
  });

  test("of GraphQL itself is shown as it is", () => {
    const { publicErrorOf } = setUp();
    const error = new GraphQLError("Cannot query field");
    expect(publicErrorOf(error)).toBe(error);
  });

  test("of a lost database says that it may pass", () => {
    const { publicErrorOf } = setUp();
    const lost = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
    expect(publicErrorOf(lost).extensions).toMatchObject({
      code: "E_UNAVAILABLE",
      retryable: true,
    });
  });
});
