import { z } from "@hono/zod-openapi";
import { ROLES } from "../../domain/identity.ts";
import type { AuditLine, TokenLine, UserLine } from "../../store/people.ts";
import type {
  AddUser,
  AuditList,
  ChangePassword,
  ChangeUser,
  CreateToken,
  IssuedToken,
  LogIn,
  LoginLink,
  SessionState,
  TokenList,
  UserList,
} from "../api.ts";

/** Every key of an interface, none besides: the compiler holds these schemas to the types that faces share. */
type Fields<T> = { readonly [Key in keyof T]-?: z.ZodType };

const iso = z.iso.datetime();
const text = z.string().nullable();
const role = z.enum(ROLES);
const name = z.string().min(1).max(256);
const NAMES = 100;
const names = z.array(name).max(NAMES);
const password = z.string().max(1_024);
const email = z.email().max(254).nullable();
export const addUser = z.strictObject({
  name,
  role,
  groups: names.optional(),
  email: email.optional(),
  password: password.optional(),
} satisfies Fields<AddUser>);
export const changeUser = z.strictObject({
  role: role.optional(),
  groups: names.optional(),
  email: email.optional(),
  disabled: z.boolean().optional(),
  password: password.optional(),
} satisfies Fields<ChangeUser>);
export const userLine = z
  .object({
    name: z.string(),
    role,
    groups: z.array(z.string()),
    email: text,
    password: z.boolean(),
    disabled_at: iso.nullable(),
    created_at: iso,
    created_by: z.string(),
    last_login_at: iso.nullable(),
  } satisfies Fields<UserLine>)
  .openapi("User");
export const userList = z.object({ items: z.array(userLine) } satisfies Fields<UserList>);

export const logIn = z.strictObject({ name, password } satisfies Fields<LogIn>);
export const changePassword = z.strictObject({ current: password, password } satisfies Fields<ChangePassword>);
export const sessionState = z.object({
  by: z.string(),
  role,
  groups: z.array(z.string()),
} satisfies Fields<SessionState>);
export const loginLink = z.object({ url: z.string(), expires_at: iso } satisfies Fields<LoginLink>);

const DAYS = 3_650;
export const createToken = z.strictObject({
  name,
  role: role.optional(),
  workflows: names.min(1).optional(),
  expires_in_days: z.int().min(1).max(DAYS).nullable().optional(),
  owner: name.optional(),
} satisfies Fields<CreateToken>);
const tokenFields = {
  id: z.string(),
  owner: z.string(),
  name: z.string(),
  role,
  workflows: z.array(z.string()).nullable(),
  created_at: iso,
  expires_at: iso.nullable(),
  last_used_at: iso.nullable(),
  revoked_at: iso.nullable(),
} satisfies Fields<TokenLine>;
export const tokenLine = z.object(tokenFields).openapi("Token");
export const issuedToken = z.object({ ...tokenFields, token: z.string() } satisfies Fields<IssuedToken>);
export const tokenList = z.object({ items: z.array(tokenLine) } satisfies Fields<TokenList>);

const auditLine = z
  .object({
    id: z.string(),
    at: iso,
    who: z.string(),
    what: z.string(),
    subject: text,
    address: text,
    agent: text,
    outcome: z.string(),
  } satisfies Fields<AuditLine>)
  .openapi("AuditLine");
export const auditList = z.object({
  items: z.array(auditLine),
  next_cursor: text,
} satisfies Fields<AuditList>);
