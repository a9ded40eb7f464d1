/** The live page. It shows what comes over /api/events, and asks /api for the rest. */
import { html, render, useEffect, useState } from "./htm.js";
import { Charts } from "./charts.js";
import { DeadLetters } from "./dead_letters.js";
import { Header, LastImages, Models, Tiles } from "./panels.js";
import { TryIt } from "./try_it.js";

const MAX_SAMPLES = 600;
const MAX_IMAGES = 24;
const RETRY_MS = 3_000;

function App() {
  const [live, setLive] = useState(null);
  const [connected, setConnected] = useState(false);
  useEffect(() => {
    let events;
    let retry;
    const open = () => {
      events = new EventSource("/api/events");
      events.addEventListener("start", ({ data }) => {
        const { settings, history, state, images } = JSON.parse(data);
        setConnected(true);
        setLive({ settings, state, samples: history, images: images.reverse() });
      });
      events.addEventListener("tick", ({ data }) => {
        const { sample, state, images } = JSON.parse(data);
        setLive((before) =>
          before && {
            ...before,
            state,
            samples: [...before.samples, sample].slice(-MAX_SAMPLES),
            images: [...images.reverse(), ...before.images].slice(0, MAX_IMAGES),
          }
        );
      });
      events.addEventListener("error", () => {
        setConnected(false);
        // It reconnects by itself, and then gets the whole history again; but not after an answer other than 200.
        if (events.readyState === EventSource.CLOSED) retry = setTimeout(open, RETRY_MS);
      });
    };
    open();
    return () => {
      clearTimeout(retry);
      events.close();
    };
  }, []);
  if (live === null) {
    return html`
      <main>
        <p role="status">Connecting to the worker.</p>
      </main>
    `;
  }
  const { settings, state, samples, images } = live;
  return html`
    <${Header} state=${state} connected=${connected} />
    <main>
      <${Tiles} state=${state} sample=${samples.at(-1)} />
      <${Charts} samples=${samples} />
      <${Models} models=${state.models} />
      <${TryIt} models=${state.models} settings=${settings} />
      <${LastImages} images=${images} settings=${settings} />
      <${DeadLetters} settings=${settings} />
    </main>
    <footer>
      The same for programs: <a href="/metrics">/metrics</a>, <a href="/status.json">/status.json</a>,${" "}
      <a href="/readyz">/readyz</a>, <a href="/livez">/livez</a>
    </footer>
  `;
}

render(html`<${App} />`, document.body);
