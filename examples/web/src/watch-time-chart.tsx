/** How many watched for how long: bars of equal width in minutes. The table beside it says the same in words. */
import { useSpeech } from "./language.js";

const steps = [1, 2, 5, 10, 15, 20, 30, 60, 120];
const maxBars = 7;
const size = { width: 400, height: 150, top: 20, bottom: 22, gap: 6 };

export function WatchTimeChart({ minutes }: { readonly minutes: readonly number[] }) {
  const { words } = useSpeech();
  const bars = barsOf(minutes);
  const most = Math.max(...bars.map(({ count }) => count));
  const pitch = size.width / bars.length;
  const room = size.height - size.top - size.bottom;
  const said = bars.map(({ range, count }) => words.barOf(range, count)).join(", ");
  return (
    <figure className="chart">
      <figcaption>
        {words.watchTime} <small>{words.minutesWatched}</small>
      </figcaption>
      <svg viewBox={`0 0 ${size.width} ${size.height}`} role="img" aria-label={words.watchTimeOf(said)}>
        {bars.map(({ range, count }, index) => {
          const height = (count / most) * room;
          const middle = (index + 0.5) * pitch;
          const base = size.height - size.bottom;
          return (
            <g key={range}>
              <rect
                x={index * pitch + size.gap / 2}
                y={base - height}
                width={pitch - size.gap}
                height={height}
                rx="2"
              />
              {count > 0 && (
                <text x={middle} y={base - height - 5}>
                  {count}
                </text>
              )}
              <text className="range" x={middle} y={size.height - 5}>
                {range}
              </text>
            </g>
          );
        })}
        <line x1="0" x2={size.width} y1={size.height - size.bottom} y2={size.height - size.bottom} />
      </svg>
    </figure>
  );
}

interface Bar {
  /** "10–15". */
  readonly range: string;
  readonly count: number;
}

export function barsOf(minutes: readonly number[]): Bar[] {
  const longest = Math.max(...minutes, 1);
  const step = steps.find((width) => longest / width <= maxBars) ?? Math.ceil(longest / maxBars);
  // Who watched to the very end of the last bar stands in it.
  const barOf = (value: number): number => Math.min(Math.floor(value / step), Math.ceil(longest / step) - 1);
  return Array.from({ length: Math.ceil(longest / step) }, (_, index) => ({
    range: `${index * step}–${(index + 1) * step}`,
    count: minutes.filter((value) => barOf(value) === index).length,
  }));
}
