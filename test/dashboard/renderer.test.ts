import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createRender } from '../../src/app/children.ts';
import { ChildProcess } from '../../src/children/child-process.ts';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { ChildRenderer } from '../../src/dashboard/embedded/child-renderer.ts';
import { echartsPlotter } from '../../src/dashboard/embedded/drawing/echarts-plot.ts';
import { compose } from '../../src/dashboard/render/compose.ts';
import type { RenderMethods } from '../../src/dashboard/renderer.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually } from '../support/pipeline.ts';
import { picture } from './pictures.ts';

const never = new AbortController().signal;

/** A clock whose waits of a given length end when the test says so. */
function handClock(lengthMs: number): { clock: Clock; end(): void } {
  const waits = new Set<() => void>();
  return {
    clock: {
      now: () => systemClock.now(),
      after: (delayMs, action) => {
        if (delayMs !== lengthMs) return systemClock.after(delayMs, action);
        waits.add(action);
        return () => waits.delete(action);
      },
    },
    end: () => {
      for (const action of waits) action();
    },
  };
}

function rendererOf(start: () => ChildProcess<RenderMethods>, clock: Clock = systemClock) {
  const children: ChildProcess<RenderMethods>[] = [];
  const renderer = new ChildRenderer(() => {
    const child = start();
    children.push(child);
    return child;
  }, clock);
  onTestFinished(() => renderer.close());
  return { renderer, children };
}

const real = (clock: Clock) => () => createRender({ clock, logger: silentLogger });

/** A child that draws its picture's title, and a picture with the title `forever` for ever. */
function slow(clock: Clock): () => ChildProcess<RenderMethods> {
  const program = join(temporaryFolder(), 'slow.mjs');
  const built = new URL('../../dist/children/child-process.js', import.meta.url);
  writeFileSync(
    program,
    `import { serveParent } from ${JSON.stringify(built.href)};
    serveParent({ draw: ({ dashboard }) => {
      while (dashboard.title === 'forever');
      return Buffer.from(dashboard.title);
    } });`,
  );
  return () =>
    new ChildProcess({
      name: 'render',
      program: pathToFileURL(program),
      args: [],
      handlers: {},
      clock,
      logger: silentLogger,
    });
}

const titled = (title: string) => ({ ...picture(), dashboard: { title, items: [] } });
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the renderer', () => {
  test('D1: draws in its child what is drawn here, with the numbers of the answer', async () => {
    const { renderer } = rendererOf(real(systemClock));
    const one = picture({ chart: 'top-products', theme: 'dark' });
    const svg = text(await renderer.draw(one, never));
    expect(svg).toBe(compose(one, echartsPlotter()));
    const whole = picture({ query: 'country=Germany' });
    expect(text(await renderer.draw(whole, never))).toBe(compose(whole, echartsPlotter()));
    expect(text(await renderer.draw(one, never))).toBe(svg);
  });

  test('a PNG has two pixels to each of the SVG, and is not empty', async () => {
    const { renderer } = rendererOf(real(systemClock));
    const one = picture({ chart: 'revenue', width: 320, height: 120, format: 'png' });
    const png = Buffer.from(await renderer.draw(one, never));
    expect(png.subarray(0, 8)).toEqual(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'));
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([640, 240]);
    expect(png.length).toBeGreaterThan(4000);
  });

  test('D2: nothing of it runs before the first picture, then one child for all', async () => {
    const { renderer, children } = rendererOf(real(systemClock));
    expect(children).toHaveLength(0);
    await Promise.all(
      ['revenue', 'returns', 'orders'].map((chart) => renderer.draw(picture({ chart }), never)),
    );
    expect(children).toHaveLength(1);
    expect(children[0]?.pid).not.toBe(process.pid);
  });

  test('D3: what waits is bounded', async () => {
    const { clock, end } = handClock(LIMITS.renderDeadlineMs);
    const { renderer } = rendererOf(slow(clock), clock);
    const first = renderer.draw(titled('forever'), never);
    const waiting = Array.from({ length: LIMITS.picturesQueuedMax }, (_, at) =>
      renderer.draw(titled(`${at}`), never),
    );
    await expect(renderer.draw(titled('one more'), never)).rejects.toMatchObject({
      code: 'MR_OVERLOADED',
    });
    end();
    await expect(first).rejects.toMatchObject({ code: 'MR_RENDER_LIMIT' });
    expect((await Promise.all(waiting)).map(text)).toEqual(waiting.map((_, at) => `${at}`));
  });

  test('D3: a picture that takes too long ends with its process, and holds up no other', async () => {
    const { clock, end } = handClock(LIMITS.renderDeadlineMs);
    const { renderer, children } = rendererOf(slow(clock), clock);
    await renderer.draw(titled('before'), never);
    const pid = children[0]?.pid as number;
    const late = renderer.draw(titled('forever'), never);
    const after = renderer.draw(titled('after'), never);
    await new Promise((resolve) => setTimeout(resolve, 100));
    end();
    await expect(late).rejects.toMatchObject({
      code: 'MR_RENDER_LIMIT',
      message: expect.stringContaining('20 s'),
    });
    expect(text(await after)).toBe('after');
    expect(isAlive(pid)).toBe(false);
  });

  test('a child that dies is said to have died, and the next picture is drawn', async () => {
    const { renderer, children } = rendererOf(slow(systemClock));
    const lost = renderer.draw(titled('forever'), never);
    lost.catch(() => undefined);
    await eventually(() => children[0]?.pid);
    await new Promise((resolve) => setTimeout(resolve, 300));
    process.kill(children[0]?.pid as number, 'SIGKILL');
    await expect(lost).rejects.toMatchObject({ code: 'MR_CHILD_FAILED' });
    expect(text(await renderer.draw(titled('next'), never))).toBe('next');
  });

  test('D4: who goes before their turn is not drawn for', async () => {
    const { clock, end } = handClock(LIMITS.renderDeadlineMs);
    const { renderer } = rendererOf(slow(clock), clock);
    const first = renderer.draw(titled('forever'), never);
    const leaving = new AbortController();
    const gone = renderer.draw(titled('forever'), leaving.signal);
    const last = renderer.draw(titled('last'), never);
    leaving.abort();
    await expect(gone).rejects.toMatchObject({ code: 'MR_QUERY_CANCELLED' });
    end();
    await expect(first).rejects.toMatchObject({ code: 'MR_RENDER_LIMIT' });
    expect(text(await last)).toBe('last');
    await expect(renderer.draw(titled('x'), AbortSignal.abort())).rejects.toMatchObject({
      code: 'MR_QUERY_CANCELLED',
    });
  });

  test('D5: between pictures the child ends, and comes back for the next', async () => {
    const { clock, end } = handClock(LIMITS.renderIdleMs);
    const { renderer, children } = rendererOf(real(clock), clock);
    await renderer.draw(picture({ chart: 'revenue' }), never);
    const pid = children[0]?.pid as number;
    expect(isAlive(pid)).toBe(true);
    end();
    await eventually(() => (isAlive(pid) ? undefined : true));
    expect(children[0]?.isOpen).toBe(false);
    expect(text(await renderer.draw(picture({ chart: 'revenue' }), never))).toContain('£21.1M');
    expect(children).toHaveLength(2);
  });
});
