import { expect, test } from "vitest";
import { freePort } from "../../packages/embedded-postgres/src/port.ts";

/** The first port that Linux gives to outgoing connections; other systems begin at 49152. */
const FIRST_OF_CLIENTS = 32_768;

test("a server's port is none that the system gives away while the server is down", async () => {
  const ports = await Promise.all(Array.from({ length: 20 }, () => freePort()));
  expect(Math.max(...ports)).toBeLessThan(FIRST_OF_CLIENTS);
  expect(Math.min(...ports)).toBeGreaterThan(1023);
  expect(new Set(ports).size).toBeGreaterThan(1);
});
