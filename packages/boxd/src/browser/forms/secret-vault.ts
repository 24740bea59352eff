import type { BoxSecrets } from '@banata/protocol/box';

/** Shorter values are left alone in texts: they would be found in any. */
const MIN_MASKED = 4;
const PLACEHOLDER = /\{\{secret:([a-z][a-z0-9_]{0,39})\}\}/g;
/** A picture; what looks like a short value in it is chance. */
const BASE64 = /^[A-Za-z0-9+/=]{2000,}$/;

interface Kept {
  value: string;
  /** Whether the agent may have it typed. */
  usable: boolean;
}

interface Owned {
  requestId: string;
  /** Null when the task has ended that could use them, and another one goes on for it. */
  taskId: string | null;
  entries: Map<string, Kept>;
  timer: NodeJS.Timeout;
}

interface Form {
  text: string;
  placeholder: string;
}

/**
 * What people entered for this box, in memory only, until its time is over. It stands in for placeholders as the agent
 * types, until the task that uses it ends, and is taken out of what the agent reads.
 */
export class SecretVault {
  #owned: Owned[] = [];
  /** The values as they may stand in texts, the longest first. */
  #forms: Form[] = [];
  /** The same as Chromium writes them in JSON, to tell at once that a message holds none. */
  #traces: string[] = [];

  get isEmpty(): boolean {
    return this.#owned.length === 0;
  }

  /** Keeps the values of one request; those given for it before are forgotten. */
  put(requestId: string, { deliver, entries, taskId, keepMs }: BoxSecrets): void {
    this.#drop((owned) => owned.requestId === requestId);
    const usable = deliver === 'placeholder';
    const timer = setTimeout(() => this.#drop((owned) => owned.requestId === requestId), keepMs);
    timer.unref();
    // Those of requests before it, whose work this task goes on with, are its own now.
    for (const owned of this.#owned) owned.taskId ??= taskId;
    const kept = new Map(entries.map(({ name, value }) => [name, { value, usable }]));
    this.#owned.push({ requestId, taskId, entries: kept, timer });
    this.#index();
  }

  /**
   * Ends the use of a task's values. They are kept from the agent's sight for the rest of their time: pages may still
   * show them.
   * @param goesOn another task goes on with its work, and takes over what it could use.
   */
  taskEnded(taskId: string, goesOn: boolean): void {
    for (const owned of this.#owned.filter((each) => each.taskId === taskId)) {
      if (goesOn) owned.taskId = null;
      else for (const kept of owned.entries.values()) kept.usable = false;
    }
  }

  clear(): void {
    this.#drop(() => true);
  }

  /** The first placeholder in a text that stands for nothing; undefined when there is none. */
  unknownIn(text: string): string | undefined {
    return [...text.matchAll(PLACEHOLDER)].find(([, name = '']) => this.#usable(name) === undefined)?.[0];
  }

  /** Puts values in place of their placeholders. */
  fill(text: string): string {
    return text.replaceAll(PLACEHOLDER, (whole, name: string) => this.#usable(name) ?? whole);
  }

  /** Puts placeholders in place of values. */
  mask(text: string): string {
    let masked = text;
    for (const form of this.#forms) masked = masked.replaceAll(form.text, form.placeholder);
    return masked;
  }

  /** The same for the texts in a JSON message. Ids and pictures stay as they are. */
  maskJson(json: string): string {
    if (!this.#traces.some((trace) => json.includes(trace))) return json;
    const read: unknown = JSON.parse(json);
    return JSON.stringify(this.#maskValue(read, ''));
  }

  #maskValue(value: unknown, key: string): unknown {
    if (typeof value === 'string') return key.endsWith('Id') || BASE64.test(value) ? value : this.mask(value);
    if (Array.isArray(value)) return value.map((item: unknown) => this.#maskValue(item, key));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [this.mask(name), this.#maskValue(item, name)]),
    );
  }

  #usable(name: string): string | undefined {
    const found = this.#owned.findLast(({ entries }) => entries.get(name)?.usable === true);
    return found?.entries.get(name)?.value;
  }

  #drop(which: (owned: Owned) => boolean): void {
    for (const owned of this.#owned.filter(which)) clearTimeout(owned.timer);
    this.#owned = this.#owned.filter((owned) => !which(owned));
    this.#index();
  }

  #index(): void {
    const entries = this.#owned.flatMap((owned) => [...owned.entries]);
    this.#forms = entries
      .filter(([, { value }]) => value.length >= MIN_MASKED)
      .flatMap(([name, { value }]) => formsOf(value, `{{secret:${name}}}`))
      .sort((a, b) => b.text.length - a.text.length);
    this.#traces = [...new Set(this.#forms.flatMap(({ text }) => [text, jsonText(text)]))];
  }
}

/** A value plain, as JSON within a text, and as forms and scripts put it into addresses. */
function formsOf(value: string, placeholder: string): Form[] {
  // A lone surrogate cannot be encoded.
  const whole = value.toWellFormed();
  const inForm = new URLSearchParams({ value: whole }).toString().slice('value='.length);
  const inJson = JSON.stringify(value).slice(1, -1);
  const texts = new Set([value, inJson, encodeURIComponent(whole), encodeURI(whole), inForm]);
  return [...texts].map((text) => ({ text, placeholder }));
}

/** As Chromium writes a text in JSON: what is not ASCII as \uXXXX, in lower-case hex digits. */
function jsonText(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1);
  return escaped.replaceAll(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
