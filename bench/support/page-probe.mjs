/**
 * Runs in the page of a dashboard before its own scripts: when what was asked for is on the screen, and
 * whether it is what was answered. Its text is sent to the page, so it uses nothing from outside.
 */
export function pageProbe() {
  const answers = [];
  const changes = [];
  const markers = [];
  /** Tells once the frame that shows what was changed just now is drawn. */
  const drawn = (tell) =>
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port2.onmessage = () => tell(performance.now());
      port1.postMessage(null);
    });
  const kpis = () =>
    Object.fromEntries(
      [...document.querySelectorAll('[data-chart]:has([data-exact])')].map((card) => [
        card.dataset.chart,
        card.querySelector('[data-exact]').dataset.exact,
      ]),
    );

  const real = window.fetch;
  window.fetch = async (url, options) => {
    if (!String(url).endsWith('/answers')) return real(url, options);
    const { state, active } = JSON.parse(options.body);
    const entry = { asked: performance.now(), state: JSON.stringify(state), active };
    answers.push(entry);
    const response = await real(url, options);
    return new Proxy(response, {
      get(target, name) {
        if (name !== 'json')
          return typeof target[name] === 'function' ? target[name].bind(target) : target[name];
        return async () => {
          const value = await target.json();
          entry.answered = performance.now();
          entry.bytes = Number(target.headers.get('content-length'));
          entry.values = Object.fromEntries(
            Object.entries(value.charts)
              .filter(([, { kind }]) => kind === 'kpi')
              .map(([id, chart]) => [id, chart.value ?? '']),
          );
          entry.failed = Object.values(value.charts).filter(({ kind }) => kind === 'failed').length;
          return value;
        };
      },
    });
  };

  const isChart = (node) =>
    (node.nodeType === 1 ? node : node.parentElement)?.closest('[data-chart]');
  let seen = 0;
  new MutationObserver((records) => {
    if (!records.some(({ target }) => isChart(target))) return;
    const change = { at: performance.now(), drawn: undefined };
    changes.push(change);
    const units = Number(kpis()['units'] ?? 0);
    const marked = Math.floor(units / 1e9);
    drawn((at) => {
      change.drawn = at;
      for (; seen < marked; seen++) markers.push(performance.timeOrigin + at);
    });
  }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });

  let input = 0;
  for (const name of ['pointermove', 'click', 'change'])
    addEventListener(
      name,
      (event) => {
        if (name !== 'pointermove' || event.buttons === 1) input = event.timeStamp;
      },
      { capture: true },
    );

  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  /**
   * Waits until the answer for the last input is drawn: that of the first request after it with another
   * state than before. All that changes from then to the next answer, or until nothing has for three frames, is its drawing.
   */
  async function redrawn(before, deadlineMs) {
    const began = input;
    const end = performance.now() + deadlineMs;
    let entry;
    const isOfInput = ({ asked, state }) => asked >= began && state !== before;
    while (!entry) {
      if (performance.now() > end)
        return { problem: answers.some(isOfInput) ? 'no answer' : 'no request' };
      // The first: what is asked after it may be for new records alone.
      entry = answers.find((one) => one.answered && isOfInput(one));
      if (!entry) await frame();
    }
    let quiet = 0;
    let shown = kpis();
    while (quiet < 3) {
      const count = changes.length;
      await frame();
      quiet = changes.length === count ? quiet + 1 : 0;
      const next = answers[answers.indexOf(entry) + 1];
      if (next?.answered) break;
      shown = kpis();
    }
    await frame();
    await frame();
    const next = answers[answers.indexOf(entry) + 1];
    const own = changes.filter(
      ({ at, drawn: is }) => at >= entry.answered && is && at < (next?.answered ?? Infinity),
    );
    const last = own.at(-1);
    if (!last) return { problem: 'nothing changed' };
    const isTrue = JSON.stringify(shown) === JSON.stringify(entry.values);
    return {
      input: began,
      askMs: entry.asked - began,
      answerMs: entry.answered - entry.asked,
      domMs: last.at - began,
      drawnMs: last.drawn - began,
      isTrue,
      failed: entry.failed,
      bytes: entry.bytes,
    };
  }

  window.probe = {
    answers,
    changes,
    markers,
    redrawn,
    state: () => answers.at(-1)?.state,
  };
}
