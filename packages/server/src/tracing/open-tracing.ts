import type { TracingConfig } from '@banata/config';
import type { Logger } from '../logger.ts';
import { noTracing, type Tracing } from './tracing.ts';

/** The tracing of the settings. OpenTelemetry's packages are loaded only where something is traced. */
export async function openTracing(
  config: TracingConfig | undefined,
  logger: Logger,
  instanceId: string,
): Promise<Tracing> {
  if (!config) return noTracing;
  const { OtlpTracing } = await import('./otlp-tracing.ts');
  return new OtlpTracing(config, logger, instanceId);
}
