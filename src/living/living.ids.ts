/**
 * WeCom's ids and codes: livingid, userid, openid, share code. They have at most 64 bytes, those of linked corps' members
 * more. Longer ones are rejected before they are read, stored or sent.
 */
import { GraphQLError } from "graphql";
import type { LivingFieldViolation } from "../errors.js";
import { isWecomText } from "./living.validation.js";

const maxCharacters = 128;

function isId(id: unknown): id is string {
  // A character has at most two UTF-16 units.
  if (typeof id !== "string" || id === "" || id.length > 2 * maxCharacters) return false;
  return Array.from(id).length <= maxCharacters && isWecomText(id);
}

/** For mutations. @param path the argument's name */
export function idViolations(path: string, id: string): LivingFieldViolation[] {
  return isId(id) ? [] : [{ path, message: `${path} ${rule}`, constraint: "isId" }];
}

/** For queries and references. @param name the argument's or key's name @throws {GraphQLError} `BAD_USER_INPUT` */
export function requireId(name: string, id: unknown): string {
  if (isId(id)) return id;
  throw new GraphQLError(`${name} ${rule}`, { extensions: { code: "BAD_USER_INPUT" } });
}

const rule = `must have 1 to ${maxCharacters} characters, without lone surrogates and control characters`;
