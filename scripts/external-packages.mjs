// The packages that the bundle does not hold and has to find beside itself: what it imports from outside, and their own
// dependencies, as they are installed. `node scripts/external-packages.mjs FOLDER` copies them there, for the image.
import { cpSync, existsSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = realpathSync(fileURLToPath(new URL("..", import.meta.url)));

/** Native addons, which look for their binaries beside themselves. */
export const externals = ["lmdb", "fs-native-extensions"];

/** @returns {string[]} paths below the checkout, such as `node_modules/lmdb` */
export function externalPackages() {
  const found = new Set();
  const visit = (name, from) => {
    const path = locate(name, from);
    // An optional one may be for another platform.
    if (path === undefined || found.has(path)) return;
    found.add(path);
    const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(root, path, "package.json"), "utf8"));
    for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies })) visit(dependency, path);
  };
  for (const name of externals) visit(name, "");
  return [...found].sort();
}

function locate(name, from) {
  const nested = join(from, "node_modules", name);
  if (existsSync(join(root, nested))) return nested;
  return from === "" ? undefined : locate(name, from.slice(0, Math.max(0, from.lastIndexOf("node_modules") - 1)));
}

const [, script, folder] = process.argv;
if (script === fileURLToPath(import.meta.url) && folder !== undefined) {
  for (const path of externalPackages()) {
    const target = join(folder, path);
    // Without packages of packages: those that are needed are in the list.
    cpSync(join(root, path), target, {
      recursive: true,
      dereference: true,
      filter: (file) => !file.slice(join(root, path).length).includes("node_modules"),
    });
  }
}
