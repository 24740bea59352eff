import { describe, expect, it } from 'vitest';
import { createKeyStore } from './stored-key.ts';

class MapStorage extends Map<string, string> implements Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
  getItem(name: string): string | null {
    return this.get(name) ?? null;
  }
  setItem(name: string, value: string): void {
    this.set(name, value);
  }
  removeItem(name: string): void {
    this.delete(name);
  }
}

describe('createKeyStore', () => {
  it('keeps the key in the storage and forgets it', () => {
    const storage = new MapStorage();
    const open = (): Storage => storage as unknown as Storage;
    createKeyStore(open).write('br_live_x');
    expect(createKeyStore(open).read()).toBe('br_live_x');
    createKeyStore(open).write(null);
    expect([...storage]).toEqual([]);
  });

  it('keeps the key itself where storage is forbidden', () => {
    const keys = createKeyStore(() => {
      throw new DOMException('forbidden', 'SecurityError');
    });
    expect(keys.read()).toBeNull();
    keys.write('br_live_x');
    expect(keys.read()).toBe('br_live_x');
    keys.write(null);
    expect(keys.read()).toBeNull();
  });
});
