// A process of its own beside the test, on the embedded store: counts on two records, or writes or waits until it is killed.
import { openStore } from "../../dist/stores/open-store.js";

const [dataDir, name, task] = process.argv.slice(2);
const store = await openStore({ dataDir }, console);

if (task === "write") {
  for (let number = 0; ; number += 1) {
    const key = `${name}:${number}`;
    await store.set(key, key + "x".repeat(2000));
    process.stdout.write(`${number}\n`);
  }
}

if (task === "wait") {
  process.stdout.write("open\n");
  await new Promise(() => setInterval(() => undefined, 1000));
}

for (let number = 0; number < Number(task); number += 1) {
  const key = `count:${number % 2}`;
  for (;;) {
    const found = await store.get(key);
    if (await store.compareAndSet(key, found, String(Number(found ?? 0) + 1))) break;
  }
}
await store.close();
process.exit();
