// The files that take longest start first, also where Jest has not measured them yet, as in a fresh checkout: one of them
// started last would be waited for alone.
import Sequencer from "@jest/test-sequencer";

const longest = [
  "server/graphql/one-behaviour",
  "simulation/simulation",
  "e2e/browser/example",
  "e2e/gateways/cli/cli",
  "chaos/creates",
];

const rankOf = ({ path }) => {
  const rank = longest.findIndex((name) => path.endsWith(`/test/${name}.test.ts`));
  return rank < 0 ? longest.length : rank;
};

export default class LongestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).sort((one, other) => rankOf(one) - rankOf(other));
  }
}
