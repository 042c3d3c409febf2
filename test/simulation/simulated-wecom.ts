// WeCom and the network before it, seen from undici's `dispatch`. What the gateway may assume of them is in docs/creates.md:
// an effect comes at most the settling time after the gateway stopped waiting for its answer.
import type { Dispatcher } from "undici";
import type { CreateLivingRequest } from "../../src/wecom/living.wire.js";
import type { Process, World } from "./world.js";

/** What becomes of one living/create. `share`: when, of the time in which an effect may come, from 0 to 1. */
export type Fate =
  | { readonly kind: "ok"; readonly answerMs: number; readonly isDoubled?: boolean }
  | { readonly kind: "refused"; readonly errcode: number }
  /** The answer is lost: at once, by a broken connection, or never comes; or is one that says nothing. */
  | {
      readonly kind: "lost";
      readonly how: "reset" | "hang" | "busy" | "gateway" | "half";
      readonly effect: "none" | "at-once" | "late";
      readonly share: number;
    };

export interface MadeLiving {
  readonly livingid: string;
  readonly madeAtMs: number;
  /** Which create it is of; undefined: booked in WeCom's own app. */
  readonly tag: number | undefined;
  readonly booking: CreateLivingRequest;
  theme: string;
  status: number;
}

/** One living/create as it left a replica. */
export interface Attempt {
  readonly tag: number;
  readonly request: CreateLivingRequest;
  readonly process: Process;
  readonly sentAtMs: number;
  /** From then on the gateway, or at least its machine, does not wait for the answer any more. */
  stoppedWaitingAtMs: number;
  fate: Fate;
  livingid: string | undefined;
  /** It was told to the gateway that nothing came of it. */
  isRefused: boolean;
}

interface AttemptUnderWay extends Attempt {
  effect: () => void;
  /** Nobody waits any more: from now on the settling time runs. */
  end: () => void;
}

export interface WecomAssumptions {
  readonly settleMs: number;
  /** In which spelling WeCom tells a userid. */
  readonly spelling: "as-given" | "lower" | "as-registered";
}

export class SimulatedWecom {
  readonly livings: MadeLiving[] = [];
  readonly attempts: Attempt[] = [];
  fates: Fate[] = [];
  isAnchorDeleted = false;
  readsFailUntilMs = -1;
  #count = 0;

  constructor(
    private readonly world: World,
    private readonly random: () => number,
    private readonly assumptions: WecomAssumptions,
  ) {}

  book(booking: CreateLivingRequest, tag: number | undefined): MadeLiving {
    const living = {
      ...{ livingid: `living-${(this.#count += 1)}`, madeAtMs: this.world.nowMs },
      ...{ tag, booking, theme: booking.theme, status: 0 },
    };
    this.livings.push(living);
    return living;
  }

  /** Calls as they leave that process. @param answerWithinMs how long it waits for the answer to a create */
  connect(process: Process, answerWithinMs: (tag: number) => number): Dispatcher {
    const dispatch: Dispatcher["dispatch"] = (options, handler) => {
      let isOver = false;
      let onEnd = (): void => undefined;
      const controller = {
        abort: (reason: Error) => {
          if (isOver) return;
          isOver = true;
          onEnd();
          handler.onResponseError?.(controller, reason);
        },
      } as unknown as Dispatcher.DispatchController;
      const answer = (status: number, body: string, times = 1): void => {
        if (isOver) return;
        isOver = true;
        for (let time = 0; time < times; time += 1) {
          handler.onResponseStart?.(controller, status, {}, "");
          handler.onResponseData?.(controller, Buffer.from(body));
          handler.onResponseEnd?.(controller, {});
        }
      };
      const breakOff = (): void => {
        if (isOver) return;
        isOver = true;
        onEnd();
        handler.onResponseError?.(controller, Object.assign(new Error("reset"), { code: "ECONNRESET" }));
      };
      const hasEnded = (): boolean => isOver;
      const start = (): void => {
        if (hasEnded()) return;
        handler.onRequestStart?.(controller, undefined);
        if (hasEnded()) return;
        const { path } = options;
        if (!path.includes("living/create")) {
          const body = JSON.stringify(this.#read(path, options.body as string));
          const inMs = 1 + this.random() * 3;
          this.world.after(inMs, process, () => {
            if (this.world.nowMs < this.readsFailUntilMs) breakOff();
            else answer(200, body);
          });
          return;
        }
        const request = JSON.parse(options.body as string) as CreateLivingRequest;
        const attempt = this.#attempt(process, request, answerWithinMs(request.remind_time ?? -1));
        onEnd = () => {
          attempt.stoppedWaitingAtMs = Math.min(attempt.stoppedWaitingAtMs, this.world.nowMs);
          attempt.end();
        };
        process.onDeath.add(onEnd);
        this.#carryOut(attempt, process, answer, breakOff);
      };
      // A connection may have to be made first.
      if (this.random() < 0.8) start();
      else this.world.after(this.random() * 20, process, start);
      return true;
    };
    return { dispatch } as unknown as Dispatcher;
  }

  #attempt(process: Process, request: CreateLivingRequest, answerWithinMs: number): AttemptUnderWay {
    const { world } = this;
    const fate = this.fates.shift() ?? { kind: "ok", answerMs: 5 };
    const attempt: AttemptUnderWay = {
      ...{ tag: request.remind_time ?? -1, process, sentAtMs: world.nowMs, fate, request },
      // A machine that stands still does not wait longer than its deadline.
      stoppedWaitingAtMs: world.nowMs + answerWithinMs,
      livingid: undefined,
      isRefused: false,
      effect: () => {
        attempt.livingid ??= this.book(request, attempt.tag).livingid;
      },
      end: () => undefined,
    };
    this.attempts.push(attempt);
    return attempt;
  }

  #carryOut(
    attempt: AttemptUnderWay,
    process: Process,
    answer: (status: number, body: string, times?: number) => void,
    breakOff: () => void,
  ): void {
    const { world, assumptions } = this;
    const { fate } = attempt;
    const arrivesInMs = 0.5 + this.random();
    if (fate.kind === "ok") {
      world.after(arrivesInMs, undefined, () => {
        attempt.effect();
        const body = JSON.stringify({ errcode: 0, errmsg: "ok", livingid: attempt.livingid });
        world.after(fate.answerMs, process, () => {
          attempt.stoppedWaitingAtMs = Math.min(attempt.stoppedWaitingAtMs, world.nowMs);
          answer(200, body, fate.isDoubled ? 2 : 1);
        });
      });
      return;
    }
    if (fate.kind === "refused") {
      world.after(arrivesInMs + 2, process, () => {
        attempt.isRefused = true;
        answer(200, JSON.stringify({ errcode: fate.errcode, errmsg: "refused" }));
      });
      return;
    }
    const { how, effect, share } = fate;
    if (effect === "at-once") world.after(arrivesInMs, undefined, attempt.effect);
    if (effect === "late") {
      let isBegun = false;
      const begin = (): void => {
        if (isBegun) return;
        isBegun = true;
        world.after(share * (assumptions.settleMs - 20), undefined, attempt.effect);
      };
      attempt.end = begin;
      world.after(attempt.stoppedWaitingAtMs - world.nowMs, undefined, begin);
    }
    if (how === "hang") return;
    world.after(arrivesInMs + 3, process, () => {
      attempt.stoppedWaitingAtMs = Math.min(attempt.stoppedWaitingAtMs, world.nowMs);
      attempt.end();
      if (how === "reset") breakOff();
      else if (how === "busy") answer(200, '{"errcode":-1,"errmsg":"system busy"}');
      else if (how === "gateway") answer(502, "<html>");
      else answer(200, '{"errcode":0,"errm');
    });
  }

  #read(path: string, body: string): object {
    if (path.includes("get_user_all_livingid")) {
      if (this.isAnchorDeleted) return { errcode: 60111, errmsg: "userid not found" };
      const { userid } = JSON.parse(body) as { userid: string };
      const ids = this.livings
        .filter(({ booking }) => booking.anchor_userid.toLowerCase() === userid.toLowerCase())
        .map(({ livingid }) => livingid);
      return { errcode: 0, errmsg: "ok", livingid_list: ids, next_cursor: "" };
    }
    const livingid = new URL(path, "http://wecom").searchParams.get("livingid");
    const living = this.livings.find((each) => each.livingid === livingid);
    if (!living) return { errcode: 92005, errmsg: "no such living" };
    const { booking, theme, status } = living;
    return {
      ...{ errcode: 0, errmsg: "ok" },
      living_info: {
        anchor_userid: this.#spelled(booking.anchor_userid),
        ...{ theme, status, type: booking.type ?? 0, description: booking.description ?? "" },
        ...{ reserve_start: booking.living_start, reserve_living_duration: booking.living_duration },
      },
    };
  }

  #spelled(userid: string): string {
    const { spelling } = this.assumptions;
    if (spelling === "as-given") return userid;
    return spelling === "lower" ? userid.toLowerCase() : "ZhangSan";
  }
}
