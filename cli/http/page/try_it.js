import { html, useEffect, useRef, useState } from "./htm.js";
import { duration, labelOf, percent } from "./format.js";

const SIDE = 28;

/** Drop, choose or draw an image; it goes over the bus, and its answer comes back. */
export function TryIt({ models, settings }) {
  const [model, setModel] = useState("");
  const [answer, setAnswer] = useState(null);
  const chosen = model || models[0]?.model || "";
  const send = async (image, shown) => {
    const begun = performance.now();
    const picture = URL.createObjectURL(shown ?? image);
    setAnswer((before) => {
      if (before) URL.revokeObjectURL(before.picture);
      return { picture };
    });
    const query = new URLSearchParams({ model: chosen });
    const init = { method: "POST", headers: { "x-imagebus": "1" }, body: image };
    try {
      const response = await fetch(`/api/classify?${query}`, init);
      if (!response.ok) throw new Error(await response.text());
      setAnswer({ picture, result: await response.json(), ms: performance.now() - begun });
    } catch (error) {
      setAnswer({ picture, error: error.message });
    }
  };
  return html`
    <section class="card" aria-labelledby="try">
      <h2 id="try">Try it <small>an image goes over the bus, and its answer comes back</small></h2>
      ${!settings.actions ? html`<p class="dim">Read-only; --http-actions allows to send images.</p>` : html`
        <div class="try">
          <div class="ways">
            <label>model${" "}
              <select value=${chosen} onChange=${({ target }) => setModel(target.value)}>
                ${models.map(({ model }) => html`<option key=${model} value=${model}>${model}</option>`)}
              </select>
            </label>
            <${Drop} onImage=${send} />
          </div>
          <${Draw} onImage=${send} />
          <${Answer} answer=${answer} />
        </div>
      `}
    </section>
  `;
}

function Drop({ onImage }) {
  const [over, setOver] = useState(false);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    const [file] = event.dataTransfer.files;
    if (file) onImage(file);
  };
  const choose = ({ target: { files: [file] } }) => file && onImage(file);
  const drag = (event) => {
    event.preventDefault();
    setOver(true);
  };
  return html`
    <label class="drop ${over ? "over" : ""}" onDragOver=${drag} onDragLeave=${() =>
      setOver(false)} onDrop=${drop}>
      Drop an image here, or choose a file:
      <input type="file" accept="image/*" onChange=${choose} />
    </label>
  `;
}

/** A white line on black, as the digits of MNIST. It is sent when the line ends. */
function Draw({ onImage }) {
  const canvas = useRef(null);
  const last = useRef(null);
  const clear = () => {
    const context = canvas.current.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.current.width, canvas.current.height);
  };
  useEffect(clear, []);
  const place = ({ offsetX, offsetY }) => {
    const scale = canvas.current.width / canvas.current.clientWidth;
    return [offsetX * scale, offsetY * scale];
  };
  const begin = (event) => {
    canvas.current.setPointerCapture(event.pointerId);
    last.current = place(event);
    move(event);
  };
  const move = (event) => {
    if (last.current === null) return;
    const context = canvas.current.getContext("2d");
    Object.assign(context, { strokeStyle: "#fff", lineWidth: 20, lineCap: "round", lineJoin: "round" });
    context.beginPath();
    context.moveTo(...last.current);
    last.current = place(event);
    context.lineTo(...last.current);
    context.stroke();
  };
  const end = () => {
    if (last.current === null) return;
    last.current = null;
    const small = new OffscreenCanvas(SIDE, SIDE);
    const context = small.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(canvas.current, 0, 0, SIDE, SIDE);
    small.convertToBlob({ type: "image/png" }).then((image) => onImage(image));
  };
  return html`
    <div class="draw">
      <canvas ref=${canvas} width="280" height="280" aria-label="Draw a digit with the mouse or a finger"
        onPointerDown=${begin} onPointerMove=${move} onPointerUp=${end}
        onPointerCancel=${end}></canvas>
      <button type="button" onClick=${clear}>Clear</button>
    </div>
  `;
}

function Answer({ answer }) {
  return html`
    <div class="answer" role="status">
      ${answer === null && html`<p class="dim">Draw a digit, or drop an image.</p>`}
      ${answer !== null && html`
        <img src=${answer.picture} alt="What was sent" />
        ${answer.error && html`<p class="state bad">${answer.error}</p>`}
        ${!answer.error && !answer.result && html`<p class="dim">Waiting for the answer.</p>`}
        ${answer.result && html`<${Outcome} result=${answer.result} ms=${answer.ms} />`}
      `}
    </div>
  `;
}

function Outcome({ result, ms }) {
  if (result.status === "failed") {
    return html`<p class="state bad"><b>${result.error.code}</b> ${result.error.message}</p>`;
  }
  return html`
    <div>
      <p class="label">${labelOf(result)}</p>
      <ol class="scores">
        ${result.top.map(({ label, confidence, index }) =>
          html`
            <li
              key=${index}><span>${label}</span> <meter min="0" max="1" value=${confidence}></meter> ${percent(
                confidence,
              )}</li>
          `
        )}
      </ol>
      <p class="dim">
        ${result.model} ${result.modelVersion}: answered in ${duration(ms)};
        waited ${duration(result.waitedMs)}, took ${duration(result.tookMs)}
      </p>
    </div>
  `;
}
