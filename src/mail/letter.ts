/** The words of a mail, as plain text and as HTML. */
export interface Rendered {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** A short mail with one thing to do. Its parts are plain text; none of them is trusted. */
interface Letter {
  readonly subject: string;
  readonly lead: string;
  /** What the button says. */
  readonly action: string;
  readonly link: string;
  readonly close: string;
}

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);

/**
 * Writes a letter. The HTML needs no images or style sheets, which mail programs drop, and names its
 * language, one heading and a link whose words and address both stand there.
 */
export function letter(parts: Letter): Rendered {
  const { subject, lead, action, link, close } = parts;
  const safe = Object.fromEntries(
    Object.entries(parts).map(([part, text]) => [part, escapeHtml(text)]),
  ) as unknown as Letter;
  return {
    subject,
    text: `${lead}\n\n${action}:\n${link}\n\n${close}\n`,
    html: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>${safe.subject}</title>
</head>
<body style="margin:0;padding:24px 12px;background:#f3f4f6;color:#1f2937;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
<main style="max-width:560px;margin:0 auto;padding:32px;background:#ffffff;border:1px solid #e5e7eb;border-radius:8px">
<h1 style="margin:0 0 16px;font-size:22px;line-height:1.3">${safe.subject}</h1>
<p style="margin:0 0 24px">${safe.lead}</p>
<p style="margin:0 0 24px"><a href="${safe.link}" style="display:inline-block;padding:12px 20px;background:#1d4ed8;color:#ffffff;border-radius:6px;font-weight:600;text-decoration:none">${safe.action}</a></p>
<p style="margin:0 0 24px;font-size:14px">If the button does not work, open this address:<br><a href="${safe.link}" style="color:#1d4ed8;word-break:break-all">${safe.link}</a></p>
<p style="margin:0;font-size:14px;color:#4b5563">${safe.close}</p>
</main>
</body>
</html>
`,
  };
}
