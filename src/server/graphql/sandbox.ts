/**
 * Apollo Sandbox, embedded as by Apollo Server's landing page, with the sample operation. The page is served here and
 * the Sandbox comes from Apollo's CDN. If that is unreachable, the page says so and links to the other explorer.
 */
import type { ApolloServerPlugin } from "@apollo/server";
import { ApolloServerPluginLandingPageLocalDefault } from "@apollo/server/plugin/landingPage/default";
import { coverButton } from "../cover-button.js";

/** The operation that it opens with. */
export interface Sample {
  readonly document: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

export function sandbox({ document, variables }: Sample): ApolloServerPlugin {
  const plugin = ApolloServerPluginLandingPageLocalDefault({
    ...{ embed: true, footer: false, document, variables },
    // The Sandbox sends files as multipart requests, and leaves this header to its configuration.
    headers: { "apollo-require-preflight": "true" },
  });
  return {
    serverWillStart: async (service) => {
      const listener = (await plugin.serverWillStart?.(service)) ?? {};
      return {
        ...listener,
        renderLandingPage: async () => {
          const page = await listener.renderLandingPage?.();
          const html = typeof page?.html === "function" ? await page.html() : (page?.html ?? "");
          return { html: withCoverButton(withLinkToGraphiql(html)) };
        },
      };
    },
  };
}

function withLinkToGraphiql(html: string): string {
  const link = '<p>Without internet: <a href="/graphiql">GraphiQL</a>, which this gateway serves itself.</p>';
  return html.replace(/(it appears that you might be offline\.<\/p>)/, `$1\n${link}`);
}

/** The variables of an open Sandbox cannot be changed, so the page is reloaded. */
function withCoverButton(html: string): string {
  const opening = "new window.EmbeddedSandbox(";
  const input = "embeddedSandboxConfig.initialState.variables.input";
  const open = '(mediaid) => { sessionStorage.setItem("cover", mediaid); location.reload(); }';
  const script = `
  const cover = sessionStorage.getItem("cover");
  if (cover) ${input}.activityCoverMediaid = cover;
  if (window.EmbeddedSandbox) {${coverButton({ theme: `${input}.theme`, open })}}
  `;
  return html.replace(opening, () => script + opening);
}
