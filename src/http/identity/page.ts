/** What the pages before the dashboard may do: send their own form, and nothing else. */
export const PAGE_POLICY = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/** A page that goes on with a code: by a button, since what merely looks at links would use it up. */
export function linkPage(code: string): string {
  return page(
    "Log in",
    `<form method="post" action="/login">${hidden("code", code)}<button>Open lastlight</button></form>`,
  );
}

/** A page that asks for a name and a password, and says what was wrong with the last. */
export function loginPage(options: { fault: string | null; oidc: boolean }): string {
  const fault = options.fault === null ? "" : `<p role="alert">${escaped(options.fault)}</p>`;
  const oidc = options.oidc ? '<p><a href="/login/oidc">Log in with your identity provider</a></p>' : "";
  return page(
    "Log in",
    `${fault}<form method="post" action="/login">
<p><label>Name <input name="name" autocomplete="username" required autofocus></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
<button>Log in</button></form>${oidc}`,
  );
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>lastlight: ${title}</title></head>
<body><main><h1>lastlight</h1>
${body}
</main></body></html>
`;
}

function hidden(name: string, value: string): string {
  return `<input type="hidden" name="${name}" value="${escaped(value)}">`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);
}
