/**
 * A key for one living that a user means to create: make it when the form opens, not when its button is pressed.
 * Works on pages without HTTPS too, where `crypto.randomUUID` is missing.
 */
export function createIdempotencyKey(): string {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
