import { html, useCallback, useEffect, useRef, useState } from "./htm.js";
import { bytes, count, moment } from "./format.js";

const NO_FILTER = { id: "", model: "", reason: "", since: "" };
const ACTION = { method: "POST", headers: { "x-imagebus": "1" } };

async function ask(path, init) {
  const response = await fetch(path, init);
  if (!response.ok) {
    throw new Error((await response.text()).trim() || `The server answered ${response.status}`);
  }
  return await response.json();
}

/** The dead letters of the bus: find them, look at one, replay or acknowledge one or those of the filter. */
export function DeadLetters({ settings }) {
  const [filter, setFilter] = useState(NO_FILTER);
  const [found, setFound] = useState(null);
  const [selected, setSelected] = useState(null);
  const [note, setNote] = useState("");
  const query = new URLSearchParams(filter).toString();
  const latest = useRef(query);
  latest.current = query;
  const [reading, setReading] = useState(true);
  const look = useCallback(async (fresh) => {
    setReading(true);
    try {
      const answer = await ask(`/api/dead-letters?${query}&fresh=${fresh}`);
      if (latest.current === query) setFound(answer);
      setNote("");
    } catch (error) {
      setNote(error.message);
    }
    if (latest.current === query) setReading(false);
  }, [query]);
  useEffect(() => {
    const timer = setTimeout(() => look(false), 200);
    return () => clearTimeout(timer);
  }, [look]);
  const change = ({ target: { name, value } }) => setFilter({ ...filter, [name]: value });
  const { id, since } = filter;
  const letter = found?.letters.find(({ id }) => id === selected);
  return html`
    <section class="card" aria-labelledby="letters">
      <h2 id="letters">Dead letters <small>${found === null ? "" : count(found.total, "image")}</small></h2>
      <form class="filter" onSubmit=${(event) => event.preventDefault()}>
        <${Choice} name="model" value=${filter.model} choices=${found?.models} onChange=${change} />
        <${Choice} name="reason" value=${filter.reason} choices=${found?.reasons} onChange=${change} />
        <label>since <input name="since" placeholder="30m, 2h, 7d" size="10" value=${since} onInput=${change} /></label>
        <label>id <input name="id" size="20" value=${id} onInput=${change} /></label>
        <button type="button" onClick=${() => look(true)}>Look again</button>
      </form>
      ${note && html`<p role="alert" class="state bad">${note}</p>`}
      ${reading && found === null && html`<p role="status" class="dim">Reading them from the bus …</p>`}
      ${found !== null && html`<${List} found=${found} selected=${selected} onSelect=${setSelected} />`}
      ${letter &&
        html`<${Letter} key=${letter.id} letter=${letter} settings=${settings} onChanged=${look} />`}
      ${found !== null && found.matching > 0 &&
        html`
          <${Actions} key=${query} filter=${filter} matching=${found.matching} settings=${settings}
            onChanged=${look} />
        `}
    </section>
  `;
}

function Choice({ name, value, choices = [], onChange }) {
  return html`
    <label>${name}${" "}
      <select name=${name} value=${value} onChange=${onChange}>
        <option value="">all</option>
        ${choices.map((choice) => html`<option key=${choice} value=${choice}>${choice}</option>`)}
      </select>
    </label>
  `;
}

function List({ found: { letters, matching, total }, selected, onSelect }) {
  if (letters.length === 0) {
    return html`<p class="dim">${total === 0 ? "There are none." : "None matches."}</p>`;
  }
  return html`
    <div class="scroll tall" tabindex="0" role="region" aria-label="Dead letters">
      <table>
        <thead>
          <tr>
            <th scope="col">failed at</th>
            <th scope="col">model</th>
            <th scope="col">reason</th>
            <th scope="col" class="n">size</th>
            <th scope="col" class="n">attempts</th>
            <th scope="col">id</th>
          </tr>
        </thead>
        <tbody>
          ${letters.map((letter) =>
            html`
              <tr key=${letter.id} class=${letter.id === selected ? "selected" : ""}>
                <td>${moment(letter.failedAt)}</td>
                <td>${letter.model ?? "–"}</td>
                <td>${letter.error.code}</td>
                <td class="n">${bytes(letter.bytes)}</td>
                <td class="n">${letter.attempts}</td>
                <td>
                  <button type="button" class="link" aria-pressed=${letter.id === selected}
                    onClick=${() => onSelect(letter.id === selected ? null : letter.id)}>${letter.id}</button>
                </td>
              </tr>
            `
          )}
        </tbody>
      </table>
    </div>
    ${matching > letters.length && html`<p class="dim">The newest ${letters.length} of ${matching}.</p>`}
  `;
}

function Letter({ letter, settings, onChanged }) {
  const { id, error, topic, partition, offset, refusal } = letter;
  const [shown, setShown] = useState(settings.images && !letter.omitted);
  const picture = `/api/dead-letters/image?id=${encodeURIComponent(id)}`;
  return html`
    <article class="letter" aria-label=${`Dead letter ${id}`}>
      ${shown
        ? html`<img src=${picture} alt="The image that failed" onError=${() => setShown(false)} />`
        : html`<span class="none">no picture</span>`}
      <dl>
        <dt>reason</dt><dd><b>${error.code}</b>: ${error.message}</dd>
        <dt>id</dt><dd class="id">${id}</dd>
        <dt>request</dt><dd>${topic}, partition ${partition}, offset ${offset}</dd>
      </dl>
      ${refusal !== null && html`<p class="dim">It cannot be replayed: ${refusal}.</p>`}
      <${Actions} filter=${{
        ...NO_FILTER,
        id,
      }} matching=${1} settings=${settings} refused=${refusal !== null} onChanged=${onChanged} />
    </article>
  `;
}

/** Each in two steps: what would be changed, then changing exactly that number. */
function Actions({ filter, matching, settings, refused, onChanged }) {
  const what = filter.id ? "it" : count(matching, "dead letter");
  const [plan, setPlan] = useState(null);
  const [isAsking, setAsking] = useState(false);
  const [note, setNote] = useState("");
  const post = async (path, dryRun) => {
    setAsking(false);
    try {
      const query = new URLSearchParams({ ...filter, count: matching, "dry-run": dryRun });
      const answer = await ask(`${path}?${query}`, ACTION);
      setPlan(dryRun ? answer : null);
      const { replayed, refused, acknowledged } = answer;
      if (dryRun) return setNote("");
      setNote(
        acknowledged === undefined
          ? `Replayed ${replayed}, refused ${refused}.`
          : `Acknowledged ${acknowledged}.`,
      );
      onChanged(true);
    } catch (error) {
      setNote(error.message);
    }
  };
  const run = (dryRun) => post("/api/replay", dryRun);
  if (!settings.actions) {
    return html`<p class="dim">Read-only; --http-actions allows to replay and acknowledge them.</p>`;
  }
  return html`
    <div class="actions">
      ${!refused && html`<button type="button" onClick=${() => run(true)}>Replay ${what}…</button>`}${" "}
      <button type="button" onClick=${() => setAsking(true)}>Acknowledge ${what}…</button>
      ${plan && html`
        <p>
          ${plan.replayed} would be sent${plan.refused > 0 &&
            `, ${plan.refused} refused: ${plan.refusals[0].reason}`}.${" "}
          ${plan.replayed > 0 &&
            html`<button type="button" class="strong" onClick=${() =>
              run(false)}>Send ${plan.replayed} now</button>`}${" "}
          <button type="button" onClick=${() => setPlan(null)}>Cancel</button>
        </p>
      `}
      ${isAsking && html`
        <p>
          ${matching} will be left out of this list, and of replays, until they fail again.${" "}
          <button type="button" class="strong" onClick=${() =>
            post("/api/acknowledge", false)}>Acknowledge ${matching} now</button>${" "}
          <button type="button" onClick=${() => setAsking(false)}>Cancel</button>
        </p>
      `}
      <p role="status">${note}</p>
    </div>
  `;
}
