import { z } from 'zod';

/** A request for a person, as events and previews show it. */
export const handoffSchema = z.object({
  requestId: z.string(),
  status: z.enum(['pending', 'accepted', 'completed', 'cancelled', 'expired']),
  reason: z.enum(['mfa', 'captcha', 'approval', 'login_failed', 'ambiguous_ui', 'file_download', 'custom']),
  message: z.string(),
  requestedBy: z.enum(['agent', 'opencode', 'worker', 'sdk', 'dashboard']),
  controller: z.string().optional(),
  note: z.string().optional(),
  requestedAt: z.number(),
  acceptedAt: z.number().optional(),
  completedAt: z.number().optional(),
  expiresAt: z.number().optional(),
});
