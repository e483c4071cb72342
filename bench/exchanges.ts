// Counts what this process exchanges with PostgreSQL, over every connection of every library.

import { createRequire } from "node:module";
import type pg from "pg";

/** A round trip that has ended. */
export interface Exchange {
  /** In ms since 1970. */
  readonly at: number;
  readonly database: string;
  readonly statements: number;
}

/** The part of pg's connection that is listened to (pg/lib/connection.js). */
interface Wire {
  startup(config: { readonly database: string }): void;
  emit(event: string, ...args: unknown[]): boolean;
  database?: string;
  statements?: number;
}

/** Begins to count; to be called before anything connects. */
export function countExchanges(): Exchange[] {
  const exchanges: Exchange[] = [];
  for (const { Connection } of copiesOfPg()) {
    const wire = Connection.prototype as unknown as Wire;
    const { startup, emit } = wire;
    wire.startup = function (config) {
      this.database = config.database;
      startup.call(this, config);
    };
    wire.emit = function (event, ...args) {
      if (event === "commandComplete") this.statements = (this.statements ?? 0) + 1;
      if (event === "readyForQuery") {
        const { database = "", statements = 0 } = this;
        exchanges.push({ at: Date.now(), database, statements });
        this.statements = 0;
      }
      return emit.call(this, event, ...args);
    };
  }
  return exchanges;
}

/** Ours and the durable engine's, and the ORM's own. */
function copiesOfPg(): Set<typeof pg> {
  const ours = createRequire(import.meta.url);
  const orms = createRequire(ours.resolve("@mikro-orm/postgresql"));
  return new Set([ours("pg"), orms("pg")]);
}
