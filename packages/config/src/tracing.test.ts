import { expect, test } from 'vitest';
import { loadConfig } from './index.ts';

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318/' };

test('nothing is traced without an endpoint, or where it is switched off', () => {
  expect(loadConfig({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }).tracing).toBeUndefined();
  expect(loadConfig({ ...endpoint, OTEL_SDK_DISABLED: 'true' }).tracing).toBeUndefined();
});

test('the usual variables are read', () => {
  const { tracing } = loadConfig({
    ...endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc, x-team = blue',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
    OTEL_BSP_MAX_QUEUE_SIZE: '100',
  });
  expect(tracing).toMatchObject({
    url: 'http://127.0.0.1:4318/v1/traces',
    headers: { authorization: 'Bearer abc', 'x-team': 'blue' },
    attributes: { 'deployment.environment.name': 'test' },
    sampler: { kind: 'traceidratio', ratio: 0.25, parentBased: true },
    queue: { most: 100, batch: 100 },
  });
});

test('an endpoint for traces is taken as it is', () => {
  const url = 'https://collector.example/otlp/traces';
  expect(loadConfig({ ...endpoint, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url }).tracing?.url).toBe(url);
});

test('a value that cannot be used is refused by name, and headers are not repeated', () => {
  expect(() => loadConfig({ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toThrow(/http\/json/);
  expect(() => loadConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' })).toThrow(
    /OTEL_EXPORTER_OTLP_ENDPOINT/,
  );
  const secret = { ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'hunter2' };
  expect(() => loadConfig(secret)).toThrow(/OTEL_EXPORTER_OTLP_HEADERS/);
  expect(() => loadConfig(secret)).not.toThrow(/hunter2/);
});
