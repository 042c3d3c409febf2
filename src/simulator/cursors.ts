import { ApiFailure } from "./api-failure.js";

/** Opaque to callers, as WeCom's cursors are: an unknown cursor is rejected, so that clients cannot construct them. */
export function encodeCursor(position: number): string {
  return Buffer.from(`position:${position}`).toString("base64url");
}

/**
 * Undefined for the first page: no cursor, or an empty one.
 *
 * @throws {ApiFailure} 50100
 */
export function decodeCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined || cursor === "") return undefined;
  const position = /^position:(\d+)$/.exec(Buffer.from(cursor, "base64url").toString())?.[1];
  if (position === undefined) throw new ApiFailure(50100);
  return Number(position);
}
