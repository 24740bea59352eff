/** Values this short are left alone: they would be found in any text. */
const MIN_SECRET = 4;
const SECRET_VARIABLE = /key|token|secret|passw|credential/i;

/** Puts the names of inputs in place of secrets. */
export class SecretMask {
  readonly #inputs = new Map<string, string>();
  #hasEntered = false;

  /** @param env of the sandbox; its secrets are those whose names say so. */
  constructor(env: Record<string, string>) {
    for (const [name, value] of Object.entries(env)) if (SECRET_VARIABLE.test(name)) this.#add(name, value);
  }

  /** A mask for values that have names already. */
  static of(secrets: Record<string, string>): SecretMask {
    const mask = new SecretMask({});
    for (const [name, value] of Object.entries(secrets)) mask.add(name, value);
    return mask;
  }

  /** Registers a secret that was entered into a page; the answer stands for it from now on. */
  add(name: string, value: string): string {
    this.#hasEntered = true;
    return this.#add(name, value);
  }

  #add(name: string, value: string): string {
    const known = this.#inputs.get(value);
    if (known !== undefined) return `{{${known}}}`;
    const taken = new Set(this.#inputs.values());
    const base = inputName(name);
    let chosen = base;
    for (let number = 2; taken.has(chosen); number += 1) chosen = `${base}${number}`;
    if (value.length > 0) this.#inputs.set(value, chosen);
    return `{{${chosen}}}`;
  }

  /** The address of a page. Once a secret was entered, query and fragment go: sites put there what they like, in any form. */
  url(url: string): string {
    return this.text(this.#hasEntered ? url.replace(/[?#].*$/s, '') : url);
  }

  text(text: string): string {
    let masked = text;
    // The longest first: one secret may be part of another.
    const secrets = [...this.#inputs].sort(([a], [b]) => b.length - a.length);
    for (const [value, name] of secrets) {
      if (value.length < MIN_SECRET) continue;
      for (const form of formsOf(value)) masked = masked.replaceAll(form, `{{${name}}}`);
    }
    return masked;
  }
}

/** A value as it may stand in a text: plain, and as forms and scripts put it into addresses, once and once more. */
function formsOf(text: string): Set<string> {
  // A lone surrogate cannot be encoded.
  const value = text.toWellFormed();
  const inForm = new URLSearchParams({ value }).toString().slice('value='.length);
  const once = [encodeURIComponent(value), encodeURI(value), inForm];
  return new Set([...once.map((text) => encodeURIComponent(text)), ...once, text]);
}

/** `Card number *` becomes `card_number`. */
function inputName(text: string): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
    .slice(0, 40);
  return /^[a-z]/.test(name) ? name : 'secret';
}
