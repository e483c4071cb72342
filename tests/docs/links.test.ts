import { access } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { PAGES, proseOf, ROOT, textOf } from "./_pages.ts";

interface Link {
  readonly path: string;
  readonly anchor: string | null;
}

/** The relative links of a page, with paths from the root. */
const linksOf = (page: string): Link[] =>
  [...proseOf(textOf(page)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = "", anchor = null] = target.split("#");
      return { path: path === "" ? page : normalize(join(dirname(page), path)), anchor };
    });

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(page: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = [...proseOf(textOf(page)).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) => {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
      .replaceAll(" ", "-");
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    return times === 0 ? slug : `${slug}-${times}`;
  });
  return new Set(anchors);
}

const linkedFrom = (page: string) => new Set(linksOf(page).map(({ path }) => path));

describe.each(PAGES)("%s", (page) => {
  test("links to files and headings that exist", async () => {
    const broken: string[] = [];
    for (const { path, anchor } of linksOf(page)) {
      await access(join(ROOT, path)).catch(() => broken.push(path));
      if (anchor !== null && !anchorsOf(path).has(anchor)) broken.push(`${path}#${anchor}`);
    }
    expect(broken).toEqual([]);
  });
});

test("every page of docs/ is in its index", () => {
  const index = linkedFrom("docs/README.md");
  const decisions = linkedFrom("docs/decisions/README.md");
  const missing = PAGES.filter(
    (page) =>
      page.startsWith("docs/") &&
      page !== "docs/README.md" &&
      !(/^docs\/decisions\/\d/.test(page) ? decisions : index).has(page),
  );
  expect(missing).toEqual([]);
});

test("the index is reached from the README and the architecture page", () => {
  expect(linkedFrom("README.md")).toContain("docs/README.md");
  expect(linkedFrom("ARCHITECTURE.md")).toContain("docs/README.md");
});
