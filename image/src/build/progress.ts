/** What a build is doing. At least one event a second arrives while a build runs. */
export interface ImageProgress {
  stage: string;
  /** What happens now, for people. */
  message: string;
  /** How much of this step is done, 0 to 1, where that is known. */
  fraction?: number;
  /** Time since the stage began, milliseconds. */
  elapsedMs: number;
}

interface Step {
  message: string;
  fraction?: number;
}

/**
 * Reads a progress line of the stage script: its own `say:TEXT`, or apt's status lines (`dlstatus:N:PERCENT:TEXT`
 * while fetching, `pmstatus:PACKAGE:PERCENT:TEXT` while installing; see README.progress-reporting of apt).
 * @returns undefined for lines that tell nothing new.
 */
export function parseProgressLine(line: string): Step | undefined {
  if (line.startsWith('say:')) return { message: line.slice(4) };
  const match = /^(dlstatus|pmstatus):[^:]*(?::(?:amd64|arm64|all))?:([\d.]+):(.*)$/.exec(line);
  if (!match) return undefined;
  const fraction = Math.min(1, Number(match[2]) / 100);
  const message = match[3] ?? '';
  if (!Number.isFinite(fraction) || message === '') return undefined;
  return { message: message.charAt(0).toLowerCase() + message.slice(1), fraction };
}

/** Reports the steps of one stage, and repeats the last one each second so that the listener is never left alone. */
export class ProgressReporter implements Disposable {
  readonly #stage: string;
  readonly #listener: (event: ImageProgress) => void;
  readonly #startedAt = performance.now();
  readonly #ticker: NodeJS.Timeout;
  #last: Step | undefined;

  constructor(stage: string, listener: (event: ImageProgress) => void) {
    this.#stage = stage;
    this.#listener = listener;
    this.#ticker = setInterval(() => {
      if (this.#last) this.#emit(this.#last);
    }, 1000);
  }

  report(step: Step): void {
    this.#last = step;
    this.#ticker.refresh();
    this.#emit(step);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#ticker);
  }

  #emit(step: Step): void {
    this.#listener({
      stage: this.#stage,
      ...step,
      elapsedMs: Math.round(performance.now() - this.#startedAt),
    });
  }
}
