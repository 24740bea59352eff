import { useEffect, useRef } from 'react';

/** A person who did something within this time keeps control. */
const ACTIVE_MS = 60_000;
const RENEW_EVERY_MS = 30_000;

/** Asks for renewal again and again while a request is `mine` and the person does something. */
export function useRenewal(mine: boolean, renew: () => void): void {
  const newest = useRef(renew);
  useEffect(() => {
    newest.current = renew;
  });
  useEffect(() => {
    if (!mine) return;
    let touchedAt = Date.now();
    const note = (): void => {
      touchedAt = Date.now();
    };
    const types = ['pointerdown', 'pointermove', 'keydown', 'wheel'] as const;
    for (const type of types) addEventListener(type, note, { capture: true, passive: true });
    const timer = setInterval(() => {
      if (Date.now() - touchedAt < ACTIVE_MS) newest.current();
    }, RENEW_EVERY_MS);
    return () => {
      clearInterval(timer);
      for (const type of types) removeEventListener(type, note, { capture: true });
    };
  }, [mine]);
}
