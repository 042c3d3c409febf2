/**
 * A button for both explorers' pages: draws a cover, uploads it and opens `createLiving` with its media_id. The
 * returned JavaScript is part of a page.
 *
 * @param theme JavaScript expression: the text on the cover
 * @param open JavaScript expression: a function that receives the media_id
 */
export function coverButton({ theme, open }: { theme: string; open: string }): string {
  return `
  addEventListener("DOMContentLoaded", () => {
    const button = document.createElement("button");
    button.textContent = "Upload a cover for createLiving";
    button.style.cssText = "position:fixed;right:16px;bottom:16px;z-index:10;padding:6px 12px;font:14px/1.4 sans-serif";
    const draw = (theme) => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 720 });
      const pen = canvas.getContext("2d");
      pen.fillStyle = "#0a6cff";
      pen.fillRect(0, 0, 1280, 720);
      Object.assign(pen, { fillStyle: "#fff", font: "96px sans-serif", textAlign: "center" });
      pen.fillText(theme, 640, 390);
      return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    };
    button.onclick = async () => {
      const headers = { "content-type": "image/png" };
      const body = await draw(${theme});
      const { mediaid, errors } = await (await fetch("/media?purpose=COVER", { method: "POST", headers, body })).json();
      if (mediaid) (${open})(mediaid);
      else button.textContent = errors[0].message;
    };
    document.body.append(button);
  });
`;
}
