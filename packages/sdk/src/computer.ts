import type { Transport } from './transport.ts';
import type { CallOptions, ComputerReply } from './types.ts';

/** A pixel of the desktop, counted from its top left corner. */
export interface DesktopPoint {
  /** Pixels from the left. */
  x: number;
  /** Pixels from the top. */
  y: number;
}

type Button = 'left' | 'middle' | 'right';

/**
 * Keyboard, mouse and picture of the whole desktop, for agents that see and point. Answers where the mouse is then.
 * While a person has control every act is refused with `CONTROL_HELD_BY_HUMAN`. Acts are never sent a second time.
 */
export class SandboxComputer {
  readonly #transport: Transport;
  readonly #id: string;

  constructor(transport: Transport, id: string) {
    this.#transport = transport;
    this.#id = id;
  }

  /** Moves the mouse. @example `await sandbox.computer.move({ x: 640, y: 400 })` */
  move(point: DesktopPoint, options: CallOptions = {}): Promise<ComputerReply> {
    return this.#act('move', point, options);
  }

  /**
   * Clicks where the mouse is, or at a point.
   * @param click.button Default `left`.
   * @param click.clicks 2 is a double click. Default 1.
   * @param click.keys Held meanwhile, such as `ctrl`.
   * @example
   * ```ts
   * await sandbox.computer.click({ x: 640, y: 400, button: 'right' });
   * ```
   */
  click(
    click: Partial<DesktopPoint> & { button?: Button; clicks?: number; keys?: string } = {},
    options: CallOptions = {},
  ): Promise<ComputerReply> {
    return this.#act('click', click, options);
  }

  /** Clicks twice. @example `await sandbox.computer.doubleClick({ x: 640, y: 400 })` */
  doubleClick(point: Partial<DesktopPoint> = {}, options: CallOptions = {}): Promise<ComputerReply> {
    return this.#act('click', { ...point, clicks: 2 }, options);
  }

  /**
   * Presses a button at the first point, moves along the others, releases it at the last.
   * @example
   * ```ts
   * await sandbox.computer.drag([{ x: 100, y: 100 }, { x: 300, y: 250 }]);
   * ```
   */
  drag(
    path: readonly DesktopPoint[],
    options: CallOptions & { button?: Button } = {},
  ): Promise<ComputerReply> {
    const { signal, ...rest } = options;
    return this.#act('drag', { points: path, ...rest }, { signal });
  }

  /**
   * Turns the wheel, in notches; right and down are positive.
   * @example
   * ```ts
   * await sandbox.computer.scroll({ dy: 5 });
   * ```
   */
  scroll(
    scroll: Partial<DesktopPoint> & { dx?: number; dy?: number },
    options: CallOptions = {},
  ): Promise<ComputerReply> {
    return this.#act('scroll', scroll, options);
  }

  /**
   * Types text, any script, into what has the focus.
   * @param options.delayMs Pause between characters. Default 0.
   * @example
   * ```ts
   * await sandbox.computer.type('Hello\n');
   * ```
   */
  type(text: string, options: CallOptions & { delayMs?: number } = {}): Promise<ComputerReply> {
    const { signal, ...rest } = options;
    return this.#act('type', { text, ...rest }, { signal });
  }

  /** Presses keys together. @param keys Such as `ctrl+a`, `Enter`, `F5`. @example `await sandbox.computer.key('ctrl+l')` */
  key(keys: string, options: CallOptions = {}): Promise<ComputerReply> {
    return this.#act('key', { keys }, options);
  }

  /** Where the mouse is. @example `const { cursor } = await sandbox.computer.cursor()` */
  cursor(options: CallOptions = {}): Promise<ComputerReply> {
    return this.#transport.json({
      method: 'GET',
      path: '/v1/sandboxes/computer/cursor',
      query: { id: this.#id },
      signal: options.signal,
    });
  }

  /**
   * Picture of the whole desktop with the pointer; its pixels are the points of the other calls.
   * @param options.format Default `png`.
   * @example
   * ```ts
   * await writeFile('desktop.png', await sandbox.computer.screenshot());
   * ```
   */
  screenshot(options: CallOptions & { format?: 'png' | 'jpeg' } = {}): Promise<Uint8Array<ArrayBuffer>> {
    return this.#transport.bytes({
      method: 'GET',
      path: '/v1/sandboxes/computer/screenshot',
      query: { id: this.#id, format: options.format },
      signal: options.signal,
    });
  }

  #act(name: string, body: object, options: { signal?: AbortSignal | undefined }): Promise<ComputerReply> {
    return this.#transport.json({
      method: 'POST',
      path: `/v1/sandboxes/computer/${name}`,
      json: { ...body, id: this.#id },
      safety: 'once',
      signal: options.signal,
    });
  }
}
