import { DomainError } from "../kernel/domain-error.ts";

const SHOWN = 5;

/** Up to five names, and how many more there are. */
export function named(files: readonly string[]): string {
  const shown = files.slice(0, SHOWN).join(", ");
  return files.length > SHOWN ? `${shown} and ${files.length - SHOWN} more` : shown;
}

/** A folder that cannot be taken: what of it, and in words what to do. */
export const refusal = (files: readonly string[], message: string, cause?: unknown): DomainError =>
  new DomainError("E_MIGRATION_FOLDER", {
    message,
    detail: { files },
    cause,
    ...(files.length === 1 && files[0] !== undefined ? { migration: { file: files[0] } } : {}),
  });

/** A file that cannot be taken because of one of its lines. */
export const refusedLine = (file: string, line: number, why: string): DomainError =>
  new DomainError("E_MIGRATION_FOLDER", {
    message: `${file} line ${line}: ${why}`,
    detail: { files: [file] },
    migration: { file, line },
  });
