// Words that guessers begin with. A password is refused when nothing is left of it but these words,
// digits and signs: `Password2024!`, `admin-tenantry-1`, `qwertyuiop12`.
const WORDS = [
  ...["password", "passwort", "passwd", "passw0rd", "p@ssw0rd", "pass", "word", "secret", "geheim"],
  ...["letmein", "welcome", "willkommen", "changeme", "change", "default", "temporary", "temp"],
  ...["admin", "administrator", "root", "superuser", "user", "owner", "login", "guest", "test"],
  ...["tenantry", "tenant", "platform", "laboratory", "postgres", "postgresql", "database"],
  ...["qwertyuiop", "qwertzuiop", "qwerty", "qwertz", "asdfghjkl", "asdfgh", "asdf", "zxcvbnm"],
  ...["yxcvbnm", "zxcvbn", "qazwsxedc", "qazwsx", "abcdefghijklmnopqrstuvwxyz", "abcdef", "abc"],
  ...["iloveyou", "monkey", "dragon", "sunshine", "princess", "football", "baseball", "master"],
  ...["superman", "batman", "trustno", "shadow", "michael", "jordan", "summer", "winter"],
  ...["spring", "autumn", "sommer", "fruehling", "herbst", "hello", "hallo", "company"],
  ...["correcthorsebatterystaple", "correct horse battery staple", "the", "is", "my", "your", "me"],
];

const LONGEST_FIRST = [...WORDS].sort((one, other) => other.length - one.length);

/** Whether a password is a known one: a known word or several, decorated with digits and signs. */
export function isKnownPassword(password: string): boolean {
  let rest = password.toLowerCase();
  if (new Set(rest).size < 5) return true;
  for (const word of LONGEST_FIRST) {
    rest = rest.replaceAll(word, " ");
  }
  return !/\p{L}/u.test(rest);
}
