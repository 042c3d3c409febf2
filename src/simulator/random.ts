const TOKEN_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Repeatable numbers from 0 (inclusive) to 1 (exclusive): mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function randomToken(random: () => number, length: number): string {
  let token = "";
  while (token.length < length) token += TOKEN_ALPHABET.charAt(Math.floor(random() * TOKEN_ALPHABET.length));
  return token;
}

export function randomDigits(random: () => number, length: number): string {
  let digits = "";
  while (digits.length < length) digits += String(Math.floor(random() * 10));
  return digits;
}
