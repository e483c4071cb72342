/** No row is longer: a file that has no ends of lines is not read as a whole. */
const LONGEST = 1_000_000;
const END_OF_LINE = 0x0a;

/**
 * The records of an exported file: a line, or several where a quoted cell has ends of lines in it.
 *
 * @returns each with the end of its line; null, as the last one, for what is no record: not UTF-8, too
 *   long, or without an end
 */
export async function* recordsOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string | null> {
  let quoted = "";
  for await (const line of linesOf(bytes)) {
    const text = line && decoded(line);
    if (text === null || quoted.length + text.length > LONGEST) return yield null;
    quoted += text;
    if (isOpen(quoted)) continue;
    yield quoted;
    quoted = "";
  }
  if (quoted !== "") yield null;
}

/** An odd number of quotes that are no JSON escapes: a cell goes on behind the end of the line. */
const isOpen = (text: string): boolean =>
  !text.startsWith("{") && (text.match(/"/g)?.length ?? 0) % 2 === 1;

async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer | null> {
  let rest = Buffer.alloc(0);
  for await (const chunk of bytes) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(END_OF_LINE); end >= 0; end = rest.indexOf(END_OF_LINE)) {
      yield rest.subarray(0, end + 1);
      rest = rest.subarray(end + 1);
    }
    if (rest.length > LONGEST) return yield null;
  }
  if (rest.length > 0) yield null;
}

function decoded(line: Buffer): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line);
  } catch {
    return null;
  }
}
