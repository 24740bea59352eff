const MAX_KEY = 4096;
const MAX_MODEL = 256;

/** What is wrong with a key; null when nothing is. Never shows it. */
export function keyProblem(name: string, key: string | null): string | null {
  if (key === null || (key.length <= MAX_KEY && /^[\x21-\x7e]+$/.test(key))) return null;
  return `${name} is not a usable key: it may hold up to ${MAX_KEY} printable ASCII characters without blanks. Give it again.`;
}

/** What is wrong with a model id; null when nothing is. */
export function modelProblem(name: string, model: string | null): string | null {
  if (model === null || (model.length <= MAX_MODEL && /^[\x21-\x7e]+$/.test(model))) return null;
  return `${name} is not a usable model id: it may hold up to ${MAX_MODEL} printable ASCII characters without blanks.`;
}

/** What is wrong with a base URL; null when nothing is. Never shows it. */
export function urlProblem(name: string, text: string | null): string | null {
  if (text === null) return null;
  const example = 'Give it as in https://models.example.com/v1.';
  if (!URL.canParse(text)) return `${name} is not a URL. ${example}`;
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return `${name} starts with ${url.protocol}; http: and https: are allowed. ${example}`;
  }
  if (url.username !== '' || url.password !== '') {
    return `${name} holds a user name or password; put the key into the API key variable. ${example}`;
  }
  return url.search === '' && url.hash === ''
    ? null
    : `${name} must have no query and no fragment. ${example}`;
}
