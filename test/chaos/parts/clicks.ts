// What the clients of the chaos programs want: one click, one key, one living.

export interface Click {
  readonly key: string;
  readonly input: {
    readonly anchorUserid: string;
    readonly theme: string;
    readonly livingStart: number;
    readonly livingDuration: number;
  };
  /** Asks again until there is an answer; asks twice at once; or goes away when the outcome is unknown. */
  readonly habit: "asks-again" | "double-clicks" | "gives-up";
}

const firstStart = 4_102_444_800;
/** How many clicks in a row want the same anchor, theme and start, when they are of that kind. */
const groupSize = 3;

/**
 * A fifth are of three busy anchors, the others of many. One in ten belongs to a group of three equal bookings, each of
 * which must get a living of its own; of the others, some share the theme and some the start with others of their anchor.
 */
export function makeClicks(count: number, random: () => number): Click[] {
  const clicks: Click[] = [];
  const anchors = Math.max(3, Math.floor(count / 20));
  while (clicks.length < count) {
    const number = clicks.length;
    const anchorUserid = random() < 0.2 ? `busy${number % 3}` : `anchor${Math.floor(random() * anchors)}`;
    const sharesStart = random() < 0.3;
    const input = {
      anchorUserid,
      theme: sharesStart ? `theme ${number}` : `weekly ${number % 5}`,
      livingStart: firstStart + (sharesStart ? 0 : (number + 1) * 60),
      livingDuration: 3600,
    };
    const isGroup = random() < 0.1 / groupSize;
    for (let copy = 0; copy < (isGroup ? groupSize : 1) && clicks.length < count; copy += 1) {
      const habits = random();
      const habit = habits < 0.05 ? "double-clicks" : habits < 0.1 ? "gives-up" : "asks-again";
      clicks.push({ key: `click-${clicks.length}-${Math.floor(random() * 1e9)}`, input, habit });
    }
  }
  return clicks;
}

/** What tells a living apart at WeCom, where there is no key. */
export function bookingOf(anchorUserid: string, theme: string, startSeconds: number): string {
  return `${anchorUserid}|${theme}|${startSeconds}`;
}

export function bookingOfClick({ input }: Click): string {
  return bookingOf(input.anchorUserid, input.theme, input.livingStart);
}
