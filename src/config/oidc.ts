import { ROLES, type Role } from "../domain/identity.ts";
import type { Variables } from "./variables.ts";

export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly roleClaim: string | null;
  readonly roles: { readonly [word: string]: Role };
  readonly defaultRole: Role | null;
}

/** The identity provider that the environment names, with all it needs. */
export function oidcOf({ environment, pairs, wrong }: Variables): OidcConfig | null {
  const issuer = environment.LASTLIGHT_OIDC_ISSUER;
  if (!issuer) return null;
  const role = (path: string, word: string): Role => {
    const found = ROLES.find((each) => each === word);
    if (!found) wrong(path, `"${word}" is not one of ${ROLES.join(", ")}`);
    return found ?? "viewer";
  };
  const { LASTLIGHT_OIDC_CLIENT_ID: clientId = "", LASTLIGHT_OIDC_CLIENT_SECRET: clientSecret = "" } = environment;
  if (!URL.canParse(issuer) || !/^https?:$/.test(new URL(issuer).protocol)) {
    wrong("LASTLIGHT_OIDC_ISSUER", `"${issuer}" is no address such as https://accounts.example`);
  }
  if (clientId === "") wrong("LASTLIGHT_OIDC_CLIENT_ID", "it is needed beside LASTLIGHT_OIDC_ISSUER");
  if (clientSecret === "") wrong("LASTLIGHT_OIDC_CLIENT_SECRET", "it is needed beside LASTLIGHT_OIDC_ISSUER");
  const standard = environment.LASTLIGHT_OIDC_DEFAULT_ROLE;
  return {
    issuer,
    clientId,
    clientSecret,
    roleClaim: environment.LASTLIGHT_OIDC_ROLE_CLAIM || null,
    roles: Object.fromEntries(
      Object.entries(pairs("LASTLIGHT_OIDC_ROLES")).map(([word, to]) => [word, role("LASTLIGHT_OIDC_ROLES", to)]),
    ),
    defaultRole: standard ? role("LASTLIGHT_OIDC_DEFAULT_ROLE", standard) : null,
  };
}
