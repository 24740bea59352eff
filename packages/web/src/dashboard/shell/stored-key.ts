const NAME = 'banata.apiKey';

/** The API key of this tab: gone when the tab closes, and never seen by other tabs. */
export interface KeyStore {
  read(): string | null;
  write(key: string | null): void;
}

/** Keeps the key in a storage; where that is forbidden, only as long as the page is open. */
export function createKeyStore(storage: () => Storage): KeyStore {
  let held: string | null = null;
  return {
    read() {
      try {
        return storage().getItem(NAME);
      } catch {
        return held;
      }
    },
    write(key) {
      held = key;
      try {
        if (key === null) storage().removeItem(NAME);
        else storage().setItem(NAME, key);
      } catch {
        // Storage is forbidden: `held` serves.
      }
    },
  };
}
