/**
 * A secret in a text for people: `secret 'tenant-db-acme'`. Every text that names one does it in this
 * form, so that the name can be taken out for those who may not see it.
 */
export const secretCalled = (name: string): string => `secret '${name}'`;

/** The text without the names of secrets. */
export const withoutSecretNames = (text: string): string =>
  text.replaceAll(/\bsecret '[^']*'/g, "secret");
