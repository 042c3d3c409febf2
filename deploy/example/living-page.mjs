// A page inside WeCom that opens a living, with signatures of the gateway, for the member whom sign-in.mjs signed in.
import * as ww from "@wecom/jssdk";

const gateway = "http://127.0.0.1:4000/graphql";
const query = `query ($url: String!) {
  jsSdkSignature(url: $url) {
    corpid agentid config { timestamp nonceStr signature } agentConfig { timestamp nonceStr signature }
  }
}`;
async function sign(url) {
  const body = JSON.stringify({ query, variables: { url } });
  const headers = { "content-type": "application/json", authorization: `Bearer ${sessionStorage.getItem("token")}` };
  const { data, errors } = await (await fetch(gateway, { method: "POST", headers, body })).json();
  if (!data?.jsSdkSignature) throw new Error(errors[0].message);
  return data.jsSdkSignature;
}

const said = document.querySelector("#said");
const say = (error) => (said.textContent = error.errMsg ?? error.message);
try {
  const { corpid, agentid } = await sign(location.href);
  ww.register({
    corpId: corpid,
    agentId: agentid,
    jsApiList: ["startLiving", "replayLiving"],
    getConfigSignature: async (url) => (await sign(url)).config,
    getAgentConfigSignature: async (url) => (await sign(url)).agentConfig,
    onConfigFail: say,
    onAgentConfigFail: say,
  });
  const livingId = new URLSearchParams(location.search).get("livingid");
  document.querySelector("#open").onclick = () => ww.startLiving({ livingId }).catch(say);
} catch (error) {
  say(error);
}
