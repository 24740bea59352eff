import { describe, expect, it } from 'vitest';
import { problemOfSchema, readStructuredAnswer } from './structured-answer.ts';

const schema = {
  type: 'object',
  required: ['price'],
  properties: { price: { type: 'number' }, seenOn: { type: 'string', format: 'date' } },
  additionalProperties: false,
};

describe('readStructuredAnswer', () => {
  it('takes plain JSON and JSON in a code fence', () => {
    const value = { price: 42 };
    expect(readStructuredAnswer('{"price":42}', schema)).toEqual({ ok: true, value });
    expect(readStructuredAnswer('\n```json\n{ "price": 42 }\n```\n', schema)).toEqual({ ok: true, value });
  });

  it.each([
    ['Here it is: {"price":42}', 'it is not one JSON value'],
    ['{"price":"42"}', '/price must be number'],
    ['{}', "the value must have required property 'price'"],
    ['{"price":1,"seenOn":"yesterday"}', '/seenOn must match format "date"'],
  ])('says what is wrong with %s', (text, problem) => {
    expect(readStructuredAnswer(text, schema)).toEqual({ ok: false, problem });
  });

  it('says what is wrong with a schema', () => {
    expect(problemOfSchema(schema)).toBeNull();
    expect(problemOfSchema({ type: 'numbr' })).toMatch(/type/);
  });
});
