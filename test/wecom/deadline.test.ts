import { describe, expect, it } from "@jest/globals";
import { Deadline } from "../../src/wecom/deadline.js";
import { VirtualTime } from "../support/virtual-time.js";

describe("An operation that is closed", () => {
  it("ends what still waits for it or for a part of it, each once", () => {
    const deadline = new Deadline(1000, new VirtualTime(0));
    const part = deadline.part(0.5);
    const ended: string[] = [];
    for (const [name, limit] of Object.entries({ deadline, part, partOfPart: part.part(0.5) }))
      limit.onCancel((reason) => ended.push(`${name}: ${reason}`));
    deadline.close();
    deadline.close();

    expect(ended).toEqual(["deadline", "part", "partOfPart"].map((name) => `${name}: the operation is over`));
    expect([deadline.remainingMs, part.remainingMs]).toEqual([0, 0]);
  });

  it("ends no wait that was over before", async () => {
    const time = new VirtualTime(0);
    const deadline = new Deadline(1000, time);
    const ended: string[] = [];
    deadline.onCancel((reason) => ended.push(reason))();
    const paused = deadline.pause(10);
    await time.pass(10);
    expect(await paused).toBe(true);
    deadline.close();

    expect(ended).toEqual([]);
  });

  it("lets nothing begin to wait", async () => {
    const deadline = new Deadline(1000, new VirtualTime(0));
    deadline.close();

    expect(await deadline.pause(1)).toBe(false);
    const never = new Promise<void>(() => undefined);
    await expect(deadline.race(never, (reason) => new Error(reason))).rejects.toThrow("the operation is over");
  });
});
