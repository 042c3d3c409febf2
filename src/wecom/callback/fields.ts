/**
 * Reads the fields of a callback's envelope or message, in XML or JSON: an app chooses one. The XML reader accepts only the
 * form that WeCom documents: no DTD, no entity but XML's own five, no attribute, no comment, no processing instruction after
 * the declaration. So a document cannot make it expand entities, fetch anything or loop.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90238
 */

/** Names in lower case, because XML and JSON spell the envelope's differently; values as text. Nested fields are left out. */
export type Fields = ReadonlyMap<string, string>;

/** @returns undefined if the text is neither XML nor JSON */
export function readFields(text: string): Fields | undefined {
  const trimmed = text.replace(/^\uFEFF/, "").trim();
  return trimmed.startsWith("<") ? readXml(trimmed) : readJson(trimmed);
}

/** WeCom's messages have some dozens. With this limit any body of 64 kB is rejected in less than a millisecond. */
const maxPieces = 1000;

function readJson(text: string): Fields | undefined {
  for (let at = 0, pieces = 0; at < text.length; at += 1) {
    if (!"[{,".includes(text.charAt(at))) continue;
    pieces += 1;
    if (pieces > maxPieces) return undefined;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const fields = new Map<string, string>();
  for (const [name, content] of Object.entries(value)) {
    if (typeof content === "string" || typeof content === "number") fields.set(name.toLowerCase(), String(content));
  }
  return fields;
}

const declaration = /^<\?xml [^<>?]{0,100}\?>\s*/;
const piece = /<!\[CDATA\[([^]*?)\]\]>|<(\/?)([A-Za-z_][\w.-]{0,63})\s{0,8}(\/?)>|([^<&]+)|&(lt|gt|amp|quot|apos);/y;
const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
const maxDepth = 8;

/** Reads each character a bounded number of times. */
function readXml(text: string): Fields | undefined {
  const fields = new Map<string, string>();
  const open: string[] = [];
  /** The text of the open field; undefined once it contains an element. */
  let content: string | undefined;
  let hasEnded = false;
  piece.lastIndex = declaration.exec(text)?.[0].length ?? 0;
  for (let pieces = 1; piece.lastIndex < text.length; pieces += 1) {
    const match = piece.exec(text);
    // One root element, and nothing after it.
    if (!match || hasEnded || pieces > maxPieces) return undefined;
    const [, cdata, closing, name, selfClosing, plain, entity] = match;
    if (name === undefined) {
      const part = cdata ?? plain ?? entities[entity ?? ""] ?? "";
      if (open.length < 2 && /\S/.test(part)) return undefined;
      if (content !== undefined) content += part;
      continue;
    }
    if (closing === "") {
      if (open.length === 0 ? name !== "xml" : open.length >= maxDepth) return undefined;
      open.push(name);
      content = open.length === 2 ? "" : undefined;
    }
    if (closing === "/" || selfClosing === "/") {
      if (open.pop() !== name || (closing === "/" && selfClosing === "/")) return undefined;
      if (content !== undefined) fields.set(name.toLowerCase(), content.trim());
      content = undefined;
      hasEnded = open.length === 0;
    }
  }
  return hasEnded ? fields : undefined;
}
