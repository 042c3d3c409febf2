/** A frontend's page: schedules a living when its button is pressed, and says how it went. */
import { GraphQLClient } from "graphql-request";
import { CreateLivingDocument } from "../../../packages/client/src/index.js";

declare const document: {
  createElement(name: string): { textContent: string; onclick?: () => Promise<void> };
  body: { append(...elements: unknown[]): void };
};
declare const location: { hash: string };

const button = document.createElement("button");
const outcome = document.createElement("output");
button.textContent = "Schedule";
document.body.append(button, outcome);

button.onclick = async () => {
  // The page is opened with the gateway's URL behind `#`.
  const client = new GraphQLClient(location.hash.slice(1), { headers: { authorization: "Bearer of-a-frontend" } });
  const input = { anchorUserid: "zhangsan", theme: "来自浏览器", livingStart: 4102444800, livingDuration: 60 };
  try {
    const { createLiving } = await client.request(CreateLivingDocument, { input });
    outcome.textContent =
      createLiving.__typename === "CreateLivingSuccess" ? `scheduled ${createLiving.livingid}` : createLiving.message;
  } catch (error) {
    outcome.textContent = `failed: ${String(error)}`;
  }
};
