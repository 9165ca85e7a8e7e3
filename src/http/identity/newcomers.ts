import { Fault } from "../../domain/fault.ts";
import { isAtLeast, nameOf, type Role } from "../../domain/identity.ts";
import type { People, UserLine } from "../../store/people.ts";
import type { Claims } from "./oidc.ts";

/** What a house makes of those its identity provider sends. */
export interface Admission {
  /** The claim that holds words for roles; null where the provider has no say in them. */
  readonly roleClaim: string | null;
  readonly roles: { readonly [word: string]: Role };
  /** For whom nobody here knows; null refuses them. */
  readonly defaultRole: Role | null;
}

/** Recorded as whoever made a user that came by the provider alone. */
const BY = "oidc";

/** The user that a provider's word stands for, made where the house lets newcomers in. Throws `oidc.refused`. */
export async function welcomed(people: People, claims: Claims, admission: Admission): Promise<UserLine> {
  const { subject, email } = claims;
  const user = await people.known({ subject, email });
  const named = roleOf(claims, admission);
  // Who lives here by the provider's word alone has the role it names now, and none when it names none.
  const role = named ?? (user && user.created_by !== BY ? user.role : admission.defaultRole);
  if (role === null) throw new Fault("oidc.refused", `${claims.name || "You"} may not come in here`);
  if (!user) return newcomer(people, claims, role);
  if (user.disabled_at !== null) throw new Fault("oidc.refused", `${user.name} is disabled`);
  return (await people.changeUser(user.name, { subject, role })) as UserLine;
}

async function newcomer(people: People, { subject, email, name: given }: Claims, role: Role): Promise<UserLine> {
  const name = nameOf(given);
  if (name === null) throw new Fault("oidc.refused", "The identity provider named nobody whose name can be kept");
  const added = await people.addUser({ name, role, groups: [], passwordHash: null, email, subject, by: BY });
  if (!added) {
    const why = `${name} is someone else here; an admin can give them your e-mail address: lastlight users email ${name}`;
    throw new Fault("oidc.refused", why);
  }
  return (await people.user(name)) as UserLine;
}

/** The highest role that the claim's words stand for. */
function roleOf(claims: Claims, { roleClaim, roles }: Admission): Role | null {
  const held = roleClaim === null ? [] : claims.claim(roleClaim).filter((word) => Object.hasOwn(roles, word));
  return held
    .map((word) => roles[word] as Role)
    .reduce<Role | null>((best, role) => (best !== null && isAtLeast(best, role) ? best : role), null);
}
