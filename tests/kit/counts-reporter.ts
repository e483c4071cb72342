import type { Reporter, TestModule } from "vitest/node";

/** Ends the run with the one line that says how it went: `N passed, N failed`, and skipped ones, named above it. */
export default class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      // A file that cannot be loaded has no tests to fail.
      if (module.state() === "failed" && module.errors().length > 0) counts.failed += 1;
      for (const test of module.children.allTests()) counts[test.result().state] += 1;
    }
    const suites = modules.flatMap((module) => [...module.children.allSuites()]);
    // What stands around tests fails without any of them: they are skipped then.
    counts.failed += suites.filter((suite) => suite.errors().length > 0).length;
    const names = suites.filter((suite) => suite.options.mode === "skip").map(({ name }) => name);
    const named = names.length > 0 ? `skipped: ${names.join("; ")}\n` : "";
    const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
    process.on("exit", () => {
      process.stdout.write(
        `${named}${counts.passed} passed, ${counts.failed + counts.pending} failed${skipped}\n`,
      );
    });
  }
}
