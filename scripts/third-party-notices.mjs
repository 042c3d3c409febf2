// The licences of all that is shipped: of what esbuild put into the bundle, by its metafile, and of what lies beside it.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * @param {{ inputs: Record<string, unknown> }} metafile of esbuild
 * @param {readonly string[]} external paths of packages beside the bundle
 * @param {string} root
 */
export function thirdPartyNotices(metafile, external, root) {
  const folders = new Set([
    ...Object.keys(metafile.inputs).flatMap((file) => packageOf(file, root) ?? []),
    ...external,
  ]);
  const packages = [...folders].map((folder) => describe(join(root, folder)));
  packages.sort((one, other) => (one.title < other.title ? -1 : 1));
  const texts = new Map(packages.map(({ title, text }) => [title, text]));
  const head = `This product holds the following ${texts.size} packages, each under its own licence.\n`;
  return [head, ...[...texts].map(([title, text]) => `${"-".repeat(80)}\n${title}\n\n${text.trim()}\n`)].join("\n");
}

/** The nearest folder above with a package.json that has a name: some packages have more of them. */
function packageOf(file, root) {
  if (!file.includes("node_modules/")) return undefined;
  for (let folder = dirname(file); folder.includes("node_modules/"); folder = dirname(folder)) {
    const manifest = join(root, folder, "package.json");
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).version !== undefined) return folder;
  }
  return undefined;
}

function describe(folder) {
  const { name, version, license, author, repository } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  const whole = files.map((file) => readFileSync(join(folder, file), "utf8").trim()).filter(Boolean);
  // A few ship no licence file: then what their manifest says.
  const from = [author?.name ?? author, repository?.url ?? repository].filter(Boolean).join(", ");
  const text = whole.length > 0 ? whole.join("\n\n") : `Licence: ${license}. ${from}`;
  return { title: `${name} ${version} (${license ?? "see below"})`, text };
}
