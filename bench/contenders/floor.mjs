/** The least that a gateway on Node can do: take the body in, hand it to WeCom, hand the answer back. No GraphQL. */
import { createServer } from "node:http";
import { callWecom } from "./wecom.mjs";

createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (text) => {
    body += text;
  });
  request.on("end", async () => {
    const answer = await callWecom(body);
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(answer) });
    response.end(answer);
  });
}).listen(Number(process.env.PORT), "127.0.0.1");
