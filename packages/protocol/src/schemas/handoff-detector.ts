import { z } from 'zod';

/** What made a detector ask for a person. */
export const handoffDetectorSchema = z.enum(['login', 'otp', 'captcha']);
export type HandoffDetector = z.infer<typeof handoffDetectorSchema>;
