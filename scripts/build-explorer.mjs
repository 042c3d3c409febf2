// Writes the explorer's page, the samples filled in, beside the compiled gateway: one file that needs no network, compressed
// as it is sent.
import { writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { renderGraphiQL } from "@graphql-yoga/render-graphiql";
import { samples } from "../dist/living/living.sample.js";
import { coverButton } from "../dist/server/cover-button.js";

const icon = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#0a6cff"/><path d="M6 4l6 4-6 4z" fill="#fff"/></svg>',
)}`;
const pretty = (variables) => JSON.stringify(variables, null, 2);
const inScript = (value) => JSON.stringify(value).replaceAll("<", "\\u003c");

const page = renderGraphiQL({
  title: "WeCom living gateway",
  favicon: icon,
  logo: `<img src="${icon}" alt="" width="20" height="20">`,
  endpoint: "/graphql",
  // Subscriptions come as an event stream, by GET: the gateway asks for this header, against other sites' pages.
  additionalHeaders: { "apollo-require-preflight": "true" },
});

/**
 * Runs before GraphiQL, which shows only the document of its own `defaultTabs`: so the tabs of a first visit are put where
 * it keeps them. A link's `?query=` opens as one more tab.
 */
const setUp = `
  const samples = ${inScript(samples.map(({ document, variables }) => ({ query: document, variables: pretty(variables) })))};
  let opening = samples[0];
  const link = new URLSearchParams(location.search);
  const kept = "graphiql:tabState";
  // GraphiQL opens the tab with the hash of what it is to show, and without one another tab.
  const hashOf = ({ query, variables, headers }) => [query ?? "", variables ?? "", headers ?? ""].join("|");
  const tabOf = ({ query, variables }, index) => ({
    id: "sample-" + Date.now() + "-" + index,
    hash: hashOf({ query, variables }),
    title: /\\w+ (\\w+)/.exec(query)?.[1] ?? "<untitled>",
    query,
    variables,
    headers: null,
    operationName: null,
    response: null,
  });
  try {
    const state = JSON.parse(localStorage.getItem(kept)) ?? { tabs: samples.map(tabOf), activeTabIndex: 0 };
    if (link.has("query")) {
      const linked = tabOf({ query: link.get("query"), variables: link.get("variables") }, state.tabs.length);
      const same = state.tabs.findIndex((tab) => hashOf(tab) === linked.hash);
      state.activeTabIndex = same < 0 ? state.tabs.push(linked) - 1 : same;
    }
    localStorage.setItem(kept, JSON.stringify(state));
    const { query, variables, headers } = state.tabs[state.activeTabIndex];
    opening = { query, variables: variables ?? undefined, headers: headers ?? undefined };
    history.replaceState(null, "", location.pathname);
  } catch {
    // Without storage GraphiQL opens as it is.
  }
  // Where sign-in is on, the first request would be refused without saying where a token goes.
  fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"query":"{ __typename }"}',
  }).then(({ status }) => {
    if (status !== 401) return;
    const hint = document.createElement("p");
    hint.id = "sign-in-hint";
    hint.setAttribute("role", "note");
    hint.append("Sign-in is on. Put your token into the Headers tab: ");
    const header = document.createElement("code");
    header.textContent = '{ "authorization": "Bearer …" }';
    hint.append(header);
    hint.style.cssText = "margin:0;padding:6px 16px;background:#fff3cd;color:#533f03;font:14px/1.4 sans-serif";
    document.body.prepend(hint);
  });
`;

const button = coverButton({
  theme: "JSON.parse(samples[0].variables).input.theme",
  open: `(mediaid) => {
    const { query, variables } = samples[0];
    const { input } = JSON.parse(variables);
    const withCover = JSON.stringify({ input: { activityCoverMediaid: mediaid, ...input } }, null, 2);
    location.search = "?" + new URLSearchParams({ query, variables: withCover });
  }`,
});

const style = "<style>.graphiql-logo { white-space: nowrap; font-size: 14px }</style>";
const parts = [
  ["</head>", `${style}</head>`],
  ["<script>", `<script>${setUp}${button}</script>\n<script>`],
  ['{"title":', '{...opening,"title":'],
];
const changed = parts.reduce((html, [place, text]) => {
  if (!html.includes(place)) throw new Error(`GraphiQL's page has no ${place}`);
  return html.replace(place, () => text);
}, page);
await writeFile(new URL("../dist/graphiql.html.gz", import.meta.url), gzipSync(changed, { level: 6 }));
