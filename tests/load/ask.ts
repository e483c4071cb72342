import { setTimeout as delay } from "node:timers/promises";
import type { Answer } from "../kit/api.ts";
import { PROVISION } from "../kit/documents.ts";
import { provisionRequest } from "../kit/tenants.ts";

/** Starts a provisioning, asking with one key until it is answered. */
export async function start(
  url: string,
  token: string,
  slug: string,
  notYet: (why: string) => void = () => {},
): Promise<string> {
  const input = { ...provisionRequest({ slug, seeds: [] }), idempotencyKey: slug };
  for (;;) {
    const { data, errors, text } = await ask(url, token, PROVISION, { input });
    const { operation, code } = data?.provisionTenant ?? {};
    if (operation) return operation.id;
    const why = String(code ?? errors?.[0]?.extensions?.code ?? text);
    if (why !== "E_UNAVAILABLE" && code !== undefined) throw new Error(`${slug}: ${why}`);
    notYet(why);
    await delay(250);
  }
}

/** Sends one request; what is no JSON is answered as its text, and what has no answer as why. */
export async function ask(
  url: string,
  token: string,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<Answer & { readonly text?: string }> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/graphql-response+json",
        authorization: `Bearer ${token}`,
      },
      body: JSON.stringify({ query, variables }),
    });
    const text = await response.text();
    const { status } = response;
    return text.startsWith("{") ? { status, ...JSON.parse(text) } : { status, text };
  } catch (error) {
    return { status: 0, text: String((error as Error).cause ?? error) };
  }
}
