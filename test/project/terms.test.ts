// One word per thing, the field's: the terms that docs/architecture.md uses, and the words that they replaced.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const filesIn = (folder: string) =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" }).map((path) => `${folder}${path}`);

/** Names of code that are gone; tests and guards must not use them either. */
const retired = [
  ...[/turn-?queue/i, /alone-?here/i, /\b(call|shared)-gates\b/, /frequency-?closure/i, /\bBurst\b/, /atEndOfTurn/],
  ...[/isWanted/, /quiet-?opening/i, /patienceFor/, /\b(Patience|Departure)\b/, /\bkit\b/, /\blending\b/],
  ...[/lib\/remembered/, /\bpassage\b/, /creates\/turns/],
];

describe("A retired name", () => {
  const texts = ["src/", "test/", "docs/"]
    .flatMap(filesIn)
    .filter((path) => !path.includes("node_modules") && /\.(ts|mjs|md)$/.test(path) && !path.endsWith("terms.test.ts"))
    .map((path) => [path, read(path)] as const);

  it.each(retired)("%s is used nowhere", (name) => {
    expect(texts.filter(([, text]) => name.test(text)).map(([path]) => path)).toEqual([]);
  });
});

const pages = ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SECURITY.md"];
const lines = [...["src/", "docs/"].flatMap(filesIn), ...pages]
  .filter((path) => /\.(ts|md)$/.test(path))
  .flatMap((path) =>
    read(path)
      .split("\n")
      .map((text) => ({ path, text })),
  );

interface Term {
  readonly word: RegExp;
  readonly use: string;
  readonly except?: readonly { readonly path: RegExp; readonly text: RegExp; readonly because: string }[];
}

/** Two releases run side by side during an upgrade, and must mean the same record by the same name. */
const storedName = "the name of a record that replicas of two releases share";

const terms: readonly Term[] = [
  { word: /\bplaces?\b|\bturn-?queue/i, use: "semaphore, permit, fair queue" },
  {
    word: /#turn|\bnextTurn\b|\bturn:|EndOfTurn|\bturns?(?=\w*[A-Z])|\b(?:a|the|its|their|each|one|next|in|many|of|for) turns?\b/,
    use: "tick (event loop), lock, rotation",
    except: [
      {
        path: /limits\/(fair-queue|semaphore)\.ts$/,
        text: /turn/,
        because: "the one meaning left: a take of the fair queue",
      },
      { path: /booking-lock\.ts$|credentials\.md$/, text: /`turn:/, because: storedName },
      { path: /performance\.md$/, text: /in turn/, because: "plain English for one after the other" },
    ],
  },
  { word: /alone-?here|#alone|creates\/turns/i, use: "booking lock (read–write)" },
  {
    word: /\bgates?\b|_gates?_|[a-z]Gates?\b|\bpassages?\b|call-gates|shared-gates/,
    use: "call limiter, limit sync, permit",
    except: [
      { path: /limit-sync\.ts$/, text: /`gate-(try|closed):/, because: storedName },
      {
        path: /metrics?(-table)?\.ts$|operations\.md$/,
        text: /wecom_gates_shut/,
        because: "a metric that alerts name",
      },
    ],
  },
  { word: /frequency-?closure/i, use: "rate-limit block" },
  {
    word: /\bbursts?\b|burst[A-Z]/i,
    use: "batch",
    except: [{ path: /limits\/semaphore\.ts$/, text: /burst/, because: "the field's word for many calls at once" }],
  },
  { word: /\bremembered\b|isWanted/, use: "bounded map, cached, kept" },
  { word: /quiet-?opening/i, use: "the embedded store belongs to one process" },
  {
    word: /\bliveness\b|\bclaims?\b|claim[A-Z]/,
    use: "heartbeat, ownership",
    except: [
      {
        path: /server\/auth\/|config\.ts$|README|configuration\.md$|supergraph\.md$|threat-model\.md$/,
        text: /claim/,
        because: "a JWT's claim",
      },
      { path: /ownership\.ts$|credentials\.md$/, text: /`claim:/, because: storedName },
    ],
  },
  {
    word: /\b(Ending|Departure|Patience|Impatient)\b|patienceFor|\bpatience|\bimpatient\b|\bdepartures?\b/,
    use: "cancellation, time limit",
  },
  { word: /\bkit\b|[uU]ntold\b|\blending\b/, use: "dependencies, unpublished" },
  { word: /\bknown operations?\b|\blanes?\b|\bWay\b/, use: "operation plan" },
  { word: /\btold\b|\bstands?\b(?! (?:for|by)\b)/, use: "answers, reports, is in, is stored in" },
];

describe.each(terms)("$word", ({ word, use, except = [] }) => {
  it(`is used nowhere: ${use}`, () => {
    const found = lines.filter(
      ({ path, text }) => word.test(text) && !except.some((each) => each.path.test(path) && each.text.test(text)),
    );
    expect(found).toEqual([]);
  });

  if (except.length > 0) {
    it.each(except)("is excepted where it is still used: $because", ({ path, text }) => {
      expect(lines.some((line) => path.test(line.path) && text.test(line.text) && word.test(line.text))).toBe(true);
    });
  }
});
