// Reads a request body as WeCom does: unknown fields are ignored, invalid ones get 40058.

import { ApiFailure, invalidParameter, WRONG_JSON_WARNING, errcodeText } from "./api-failure.js";
import type { Assumptions } from "./assumptions.js";

/** A `\uxxxx` escape; an escaped backslash before a `u` does not count. */
const UNICODE_ESCAPE = /(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{4}/;

export interface TextLimit {
  unit: Assumptions["characterUnit"] | "byte";
  max: number;
}

/** @throws {ApiFailure} 40033 for a `\uxxxx` escape; `malformedBodyErrcode` for anything but one JSON object */
export function readJsonBody(rawBody: string, malformedBodyErrcode: number): JsonFields {
  if (UNICODE_ESCAPE.test(rawBody)) throw new ApiFailure(40033);
  const body = parseJson(rawBody);
  if (isRecord(body)) return new JsonFields(body);
  throw new ApiFailure(malformedBodyErrcode, WRONG_JSON_WARNING + errcodeText(malformedBodyErrcode));
}

/** Undefined if it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

export class JsonFields {
  readonly #record: Record<string, unknown>;

  constructor(record: Record<string, unknown>) {
    this.#record = record;
  }

  has(name: string): boolean {
    return this.#record[name] !== undefined;
  }

  value(name: string): unknown {
    return this.#record[name];
  }

  text(name: string, limit?: TextLimit): string {
    const value = this.optionalText(name, limit);
    if (value === undefined) throw invalidParameter(`missing ${name}`);
    if (value === "") throw invalidParameter(`${name} exceed min utf8 words 1`);
    return value;
  }

  optionalText(name: string, limit?: TextLimit): string | undefined {
    const value = this.#record[name];
    if (value === undefined) return undefined;
    if (typeof value !== "string") throw invalidParameter(`${name} is not a string`);
    if (limit !== undefined && lengthOf(value, limit.unit) > limit.max) {
      throw invalidParameter(`${name} exceed max ${limit.unit === "byte" ? "length" : "utf8 words"} ${limit.max}`);
    }
    return value;
  }

  integer(name: string): number {
    const value = this.optionalInteger(name);
    if (value === undefined) throw invalidParameter(`missing ${name}`);
    return value;
  }

  optionalInteger(name: string): number | undefined {
    const value = this.#record[name];
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw invalidParameter(`${name} is not an integer`);
    return value;
  }

  optionalBoolean(name: string): boolean | undefined {
    const value = this.#record[name];
    if (value === undefined || typeof value === "boolean") return value;
    throw invalidParameter(`${name} is not a boolean`);
  }

  optionalObject(name: string): JsonFields | undefined {
    const value = this.#record[name];
    if (value === undefined) return undefined;
    if (!isRecord(value)) throw invalidParameter(`${name} is not an object`);
    return new JsonFields(value);
  }

  optionalTexts(name: string): string[] | undefined {
    const value = this.#record[name];
    if (value === undefined) return undefined;
    const isTexts = Array.isArray(value) && value.every((item): item is string => typeof item === "string");
    if (!isTexts) throw invalidParameter(`${name} is not an array of strings`);
    return value;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function lengthOf(text: string, unit: TextLimit["unit"]): number {
  switch (unit) {
    case "byte":
      return Buffer.byteLength(text, "utf8");
    case "utf-16-unit":
      return text.length;
    case "code-point":
      return Array.from(text).length;
    case "grapheme":
      return [...new Intl.Segmenter().segment(text)].length;
  }
}
