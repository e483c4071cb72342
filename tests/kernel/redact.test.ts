import { expect, test } from "vitest";
import { redactText } from "../../src/kernel/redact.ts";

const SECRET = "s3cr/t-Wert";

test.each([
  `connect failed: postgres://admin:${SECRET}@db.example:5432/x?sslmode=require`,
  `invalid dsn: host=db user=admin password=${SECRET}`,
  `alter role x password '${SECRET}'`,
  `ALTER ROLE x WITH LOGIN ENCRYPTED PASSWORD '${SECRET}' VALID UNTIL 'infinity'`,
  `{"password":"${SECRET}"}`,
  `Failing row contains (x, SCRAM-SHA-256$4096:${SECRET}==$abc:def=).`,
  `authorization: Bearer ${SECRET}`,
])("takes the secret out of %j", (text) => {
  expect(redactText(text)).not.toContain("Wert");
  expect(redactText(text)).toContain("***");
});

test.each([
  'password authentication failed for user "org_acme_app"',
  'column "password" of relation "user" does not exist',
  "see https://example.com/docs for more",
])("leaves %j as it is", (text) => expect(redactText(text)).toBe(text));
