/** Changes of livings that other replicas hear of, although the store was away when they were made. */
import { describe, expect, it } from "@jest/globals";
import { LivingChangePublisher, listenToLivingChanges } from "../../src/wecom/living-changes.js";
import { MemoryStore } from "../support/memory-store.js";
import { VirtualTime } from "../support/virtual-time.js";

async function replicas() {
  const time = new VirtualTime(0);
  const store = new MemoryStore(() => time.now);
  const heard: { corp: string; livingid?: string }[] = [];
  await listenToLivingChanges(
    store,
    (change) => heard.push(change),
    () => undefined,
  );
  return { time, store, heard, changes: new LivingChangePublisher(store, time) };
}

describe("A change of a living", () => {
  it("is published at once", async () => {
    const { time, heard, changes } = await replicas();
    changes.publish({ corp: "corp", livingid: "one" });
    await time.pass(0);
    expect(heard).toEqual([{ corp: "corp", livingid: "one" }]);
    await time.pass(10_000);
    expect(heard).toHaveLength(1);
  });

  it("is published within a second of the store's return", async () => {
    const { time, store, heard, changes } = await replicas();
    store.isAway = true;
    changes.publish({ corp: "corp", livingid: "one" });
    await time.pass(298_000);
    expect(heard).toEqual([]);
    store.isAway = false;
    await time.pass(1000);
    expect(heard).toEqual([{ corp: "corp", livingid: "one" }]);
  });

  it("is not published when five minutes have passed: nobody has the old state any more", async () => {
    const { time, store, heard, changes } = await replicas();
    store.isAway = true;
    changes.publish({ corp: "corp", livingid: "one" });
    await time.pass(300_000);
    const { asked } = store;
    store.isAway = false;
    await time.pass(60_000);
    expect(heard).toEqual([]);
    expect(store.asked).toBe(asked);
  });

  it("is retried as one message with the other changes of its corp", async () => {
    const { time, store, heard, changes } = await replicas();
    store.isAway = true;
    for (let each = 0; each < 1000; each += 1) changes.publish({ corp: "many", livingid: String(each) });
    for (let again = 0; again < 2; again += 1) changes.publish({ corp: "few", livingid: "one" });
    await time.pass(0);
    store.isAway = false;
    await time.pass(1000);
    expect(heard).toEqual([{ corp: "many" }, { corp: "few", livingid: "one" }]);
  });

  it("costs a store that is away one command a second, however many corps wait", async () => {
    const { time, store, heard, changes } = await replicas();
    store.isAway = true;
    for (let each = 0; each < 500; each += 1) changes.publish({ corp: String(each), livingid: "one" });
    await time.pass(0);
    const { asked } = store;
    await time.pass(100_000);
    expect(store.asked - asked).toBe(100);
    store.isAway = false;
    await time.pass(1000);
    expect(heard).toHaveLength(500);
  });

  it("that comes while an earlier one is published again is published as well", async () => {
    const { time, store, heard, changes } = await replicas();
    store.isAway = true;
    changes.publish({ corp: "corp", livingid: "one" });
    await time.pass(0);
    const publish = store.publish.bind(store);
    store.isAway = false;
    // The store takes the first, and is away for another one before it has answered.
    store.publish = async (channel, message) => {
      await publish(channel, message);
      store.publish = publish;
      store.isAway = true;
      changes.publish({ corp: "corp", livingid: "two" });
      await time.pass(0);
    };
    await time.pass(1000);
    store.isAway = false;
    await time.pass(1000);
    expect(heard).toEqual([{ corp: "corp", livingid: "one" }, { corp: "corp" }]);
  });
});
