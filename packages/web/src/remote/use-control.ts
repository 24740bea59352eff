import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { postControl } from './post-control.ts';
import type { PreviewView } from './view-reply.ts';
import type { ViewerKey } from './view-urls.ts';

/** A lease that ends this soon is renewed, if the person did something in the time before. */
const RENEW_BEFORE_MS = 60_000;
const ACTIVE_MS = 60_000;

export interface ControlActions {
  take: () => void;
  giveBack: () => void;
  busy: boolean;
  /** Why it could not be done, in the words of the server. */
  problem: string | null;
  /** Clock of the server, epoch ms. */
  now: number;
}

/** When the person last touched the page, epoch ms. */
function useLastTouch(): { readonly current: number } {
  const at = useRef(0);
  useEffect(() => {
    const note = (): void => {
      at.current = Date.now();
    };
    const types = ['pointerdown', 'keydown', 'wheel'] as const;
    for (const type of types) addEventListener(type, note, { capture: true, passive: true });
    return () => {
      for (const type of types) removeEventListener(type, note, { capture: true });
    };
  }, []);
  return at;
}

/** Takes and gives back control, and keeps it while the person works. */
export function useControl(key: ViewerKey | null, view: PreviewView | null): ControlActions {
  const client = useQueryClient();
  const touched = useLastTouch();
  const { mutate, isPending, error, reset } = useMutation({
    mutationFn: async (mode: PreviewView['controlMode']) => {
      if (key) await postControl(key, mode, location.origin);
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['view'] }),
  });

  // As old as the newest answer, which is two seconds at most; the person's own clock may be wrong.
  const now = view?.now ?? 0;
  const { inControl = false, leaseUntil = null, controlMode = 'ai' } = view ?? {};
  const endsSoon = inControl && leaseUntil !== null && leaseUntil - now < RENEW_BEFORE_MS;
  useEffect(() => {
    if (endsSoon && !isPending && Date.now() - touched.current < ACTIVE_MS) mutate(controlMode);
  }, [endsSoon, isPending, controlMode, mutate, touched, now]);

  useEffect(() => reset(), [controlMode, reset]);
  return {
    take: () => mutate('human'),
    giveBack: () => mutate('ai'),
    busy: isPending,
    problem: error?.message ?? null,
    now,
  };
}
