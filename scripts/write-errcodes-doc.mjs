// Writes docs/errcodes.md from the table in src/wecom/errcodes.ts; with --check only compares. It reads the compiled
// table, so `npm run build` comes first.

import { memberForFault } from "../dist/errors.js";
import { errcodes } from "../dist/wecom/errcodes.js";
import { writeOrCheck } from "./write-or-check.mjs";

const retryLegend = {
  never: "the same request fails again",
  "refresh-token": "once, with a token fetched anew",
  backoff: "after a pause that grows",
  "after-window": "when the block that WeCom set has ended",
  "after-operator": "when somebody has changed a setting",
};

/** @param {import("../dist/wecom/errcodes.js").ErrcodeEntry} entry */
function memberOfErrcode(entry) {
  if (entry.fault === "none") return "n/a";
  return memberForFault[entry.fault] + (entry.errcode === -1 ? " [^write]" : "");
}

/** Text for a cell: a bare `|` would end it, a bare backslash could vanish. */
const cell = (text) => text.replace(/[\\|]/g, "\\$&");

/**
 * @param {readonly import("../dist/wecom/errcodes.js").ErrcodeEntry[]} entries
 * @param {(entry: import("../dist/wecom/errcodes.js").ErrcodeEntry) => string} memberOf
 */
function renderErrcodesMarkdown(entries, memberOf) {
  const rows = [...entries]
    .sort((one, other) => one.errcode - other.errcode)
    .map((entry) => [
      entry.isDocumented ? entry.errcode : `${entry.errcode} [^unlisted]`,
      cell(entry.meaning),
      memberOf(entry),
      entry.retry,
      entry.errcode !== 0 && entry.about === "request" ? "yes" : "",
      cell(entry.operator),
    ]);
  return `# WeCom's errcodes

The errcodes that a gateway for livings can meet: what each means, which member of a GraphQL result it becomes, and
what it asks of whoever is on call. Written by \`scripts/write-errcodes-doc.mjs\` from \`src/wecom/errcodes.ts\`: change
it there, not here.

**Source:** [WeCom's global error codes](https://developer.work.weixin.qq.com/document/path/90313), list of 2024-04-08,
in words of our own. A code that is missing here becomes a \`LivingWecomError\`.

**Retry** says what can make the same call succeed. Whether the gateway may repeat it by itself is a property of the
call: \`living/create\` is never repeated blindly.

${Object.entries(retryLegend)
  .map(([retry, meaning]) => `- \`${retry}\`: ${meaning}`)
  .join("\n")}

**Final**: a create under an idempotency key is settled by it, and the key answers with the same refusal for its 24 hours.

<!-- Not aligned: one longer sentence would change every line. -->
<!-- prettier-ignore-start -->

| Code | Meaning | GraphQL member | Retry | Final | What the operator does |
| --- | --- | --- | --- | --- | --- |
${rows.map((row) => `| ${row.join(" | ")} |`).join("\n")}

<!-- prettier-ignore-end -->

[^write]: On a write, \`LivingOutcomeUnknownError\`: WeCom does not say whether the write took effect.

[^unlisted]: Not in WeCom's list of 2024-04-08; known from older lists or from other WeChat platforms.
`;
}

await writeOrCheck("docs/errcodes.md", renderErrcodesMarkdown(errcodes, memberOfErrcode), "npm run docs");
