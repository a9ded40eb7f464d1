import { html } from "./htm.js";
import { ago, bytes, clock, count, duration, labelOf, number, percent } from "./format.js";

/** What is served, and whether all is well. */
export function Header({ state, connected }) {
  const { readiness, bus, group, version } = state;
  return html`
    <header>
      <h1>imagebus <small>${version}</small></h1>
      <p class="where">${bus || "starting"}${group && html`, group <b>${group}</b>`}</p>
      <p role="status" class="state ${levelOf(readiness)}">
        <b>${readiness.state}</b>
        ${readiness.reasons.map((reason) => html`<span>${reason}</span>`)}
      </p>
      ${!connected &&
        html`<p role="alert" class="state bad"><b>no connection</b> <span>reconnecting</span></p>`}
    </header>
  `;
}

function levelOf({ ready, state }) {
  return !ready ? "bad" : state === "degraded" ? "warn" : "good";
}

/** The numbers of now. */
export function Tiles({ state, sample }) {
  const workers = state.models.flatMap((model) => model.workers);
  const busy = workers.filter(({ state }) => state === "busy").length;
  const claims = Object.values(state.claims).reduce((sum, claimed) => sum + claimed, 0);
  const letters = Object.values(state.health.deadLetters).reduce((sum, letters) => sum + letters, 0);
  const tiles = [
    ["images per second", number(sample?.images)],
    ["median latency", duration(sample?.p50)],
    ["99 % latency", duration(sample?.p99)],
    ["in flight", number(sample?.inFlight)],
    ["lag of the group", number(sample?.lag)],
    ["busy Workers", `${busy} of ${workers.length}`],
    ["partitions", number(claims)],
    ["dead letters since start", number(letters)],
  ];
  return html`
    <dl class="tiles">
      ${tiles.map(([name, value]) =>
        html`
          <div class="card">
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>
        `
      )}
    </dl>
  `;
}

/** The models and their Workers. */
export function Models({ models }) {
  return html`
    <section class="card" aria-labelledby="models">
      <h2 id="models">Models</h2>
      <div class="scroll" tabindex="0" role="region" aria-labelledby="models">
        <table>
          <thead>
            <tr>
              <th scope="col">model</th>
              <th scope="col">version</th>
              <th scope="col">state</th>
              <th scope="col" class="n">in flight</th>
              <th scope="col" class="n">oldest</th>
              <th scope="col">Workers</th>
              <th scope="col" class="n">images</th>
              <th scope="col" class="n">failed</th>
              <th scope="col" class="n">restarts</th>
              <th scope="col" class="n">memory</th>
            </tr>
          </thead>
          <tbody>${models.map((model) => html`<${Model} key=${model.model} ...${model} />`)}</tbody>
        </table>
      </div>
    </section>
  `;
}

function Model({ model, version, state, reason, nextTryAt, inFlight, oldestAt, workers, ...more }) {
  const sum = (key) => workers.reduce((total, worker) => total + (worker[key] ?? 0), 0);
  const level = state === "up" ? "good" : state === "down" ? "bad" : "warn";
  return html`
    <tr>
      <th scope="row">${model}</th>
      <td>${version}</td>
      <td><span class="badge ${level}">${state}</span></td>
      <td class="n">${number(inFlight)}</td>
      <td class="n">${oldestAt === null ? "–" : ago(oldestAt)}</td>
      <td>
        <ul class="workers" aria-label=${`Workers of ${model}`}>
          ${workers.map((worker, i) => html`<${Worker} key=${i} ...${worker} />`)}
        </ul>
      </td>
      <td class="n">${number(sum("images"))}</td>
      <td class="n">${number(sum("failures"))}</td>
      <td class="n">${number(sum("restarts") + sum("replacements"))}</td>
      <td class="n">${bytes(sum("memoryBytes"))}</td>
    </tr>
    ${state !== "up" && reason &&
      html`
        <tr class="why">
          <td colspan="10">${reason}${nextTryAt && `; next try ${clock(nextTryAt)}`}</td>
        </tr>
      `} ${remarksOf(more).map((remark) =>
        html`
          <tr class="why">
            <td colspan="10">${remark}</td>
          </tr>
        `
      )}
  `;
}

const index = (number) => number?.toFixed(2) ?? "–";

/** What is tried or refused, and drift. */
function remarksOf({ candidates, refused, drift }) {
  const { state, label, confidence, image } = drift;
  return [
    ...candidates.map(({ role, version, percent, state }) =>
      `${role} ${version}: ${percent} % of the images, ${state}`
    ),
    ...refused.map(({ version, reason }) => `version ${version} is refused: ${reason}`),
    ...state === "warning" || state === "alarm"
      ? [
        `drift, ${state}: index of classes ${index(label)}, of confidence ${index(confidence)}, of images ${
          index(image)
        }`,
      ]
      : [],
  ];
}

function Worker({ state, inFlight, images, memoryBytes }) {
  const text = `${state}${inFlight > 0 ? `, ${inFlight} in its batch` : ""}, ${count(images, "image")}, ${
    bytes(memoryBytes)
  }`;
  return html`<li class="worker ${state}" title=${text}><span class="hidden">${text}</span></li>`;
}

/** Images whose results were stored, newest first. */
export function LastImages({ images, settings }) {
  return html`
    <section class="card" aria-labelledby="last">
      <h2 id="last">Last images <small>at most four per second</small></h2>
      ${!settings.images
        ? html`<p class="dim">Images are not shown: --no-http-images.</p>`
        : images.length === 0
        ? html`<p class="dim">None since this page was opened.</p>`
        : html`<ul class="images">${
          images.map((image) => html`<${LastImage} key=${image.number} ...${image} />`)
        }</ul>`}
    </section>
  `;
}

function LastImage({ result, src }) {
  const failed = result.status === "failed";
  const label = failed ? result.error.code : labelOf(result);
  return html`
    <li class=${failed ? "failed" : ""}>
      ${src === null
        ? html`<span class="none" aria-hidden="true">?</span>`
        : html`<img src=${src} alt=${`Classified as ${label}`} />`}
      <b>${label}</b>
      ${failed ? html`<span class="why">${result.error.message}</span>` : html`
        <meter min="0" max="1" value=${result.confidence} aria-label="confidence"></meter>
        <span>${percent(result.confidence)}${result.actual !== undefined && `, is ${result.actual}`}</span>
      `}
      <span class="dim">${result.model ?? "no model"} ${result.modelVersion ?? ""}</span>
      <span class="dim">waited ${duration(result.waitedMs)}, took ${duration(result.tookMs)}</span>
      <span class="id" title=${result.id}>${result.id}</span>
    </li>
  `;
}
