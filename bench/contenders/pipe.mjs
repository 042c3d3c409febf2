/** The least that an upload can cost on Node: the request's body is piped into one to WeCom, with its length. */
import { createServer } from "node:http";
import { Pool } from "undici";

const pool = new Pool(process.env.UPSTREAM, { connections: 128, pipelining: 1 });

createServer(async (request, response) => {
  const path = "/cgi-bin/media/upload?access_token=TOKEN&type=image";
  const { "content-length": length, "content-type": type } = request.headers;
  const headers = { "content-length": length, "content-type": type };
  const answer = await pool.request({ path, method: "POST", headers, body: request });
  const text = await answer.body.text();
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}).listen(Number(process.env.PORT), "127.0.0.1");
