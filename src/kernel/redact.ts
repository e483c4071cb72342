/** What looks like a secret wherever it turns up in a text, and what stands there instead. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  // Credentials in a URL: `postgres://user:password@host`. A password may hold an unescaped slash.
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s@"'<>]+@/gi, "$1***@"],
  // A keyword of a connection string, a query or a JSON object, and the clause of a statement.
  [/(\b\w*password\b"?\s*[=:]\s*)(?:'(?:[^']|'')*'|"[^"]*"|[^\s&'"]+)/gi, "$1***"],
  [/(\bpassword\s+)(?:e|u&)?'(?:[^']|'')*'/gi, "$1***"],
  // What PostgreSQL keeps of a password.
  [/SCRAM-SHA-256\$[^\s'"]+/g, "***"],
  [/\bmd5[0-9a-f]{32}\b/g, "***"],
  // Signed tokens, and service tokens of this platform.
  [/\beyJ[\w-]{10,}\.[\w-]+\.[\w-]*/g, "***"],
  [/\btnt_[\w-]{16,}/g, "***"],
  [/(\bBearer\s+)[\w.~+/-]+=*/gi, "$1***"],
];

/**
 * Takes credentials out of a text that was not written here, such as an error of PostgreSQL or of a
 * driver, before a caller or the log sees it.
 */
export const redactText = (text: string): string =>
  SECRETS.reduce((safe, [pattern, instead]) => safe.replace(pattern, instead), text);
