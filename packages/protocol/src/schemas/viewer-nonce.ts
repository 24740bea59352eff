import { z } from 'zod';

/** Name that one tab of the viewer page gave itself; whoever knows it is that tab. */
export const viewerNonceSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{16,64}$/, '16 to 64 letters, digits, "_", "-"');
