import { expect, test } from 'vitest';
import { rewriteImports } from './rewrite-imports.ts';

test.each([
  ['import "x"', 'await __banataImport("x")'],
  ['import d from "x"; d', 'const { default: d } = await __banataImport("x"); d'],
  ["import { a, b as c } from 'x'", 'const { a, b: c } = await __banataImport("x")'],
  ['import d, { a } from "x"', 'const { default: d, a } = await __banataImport("x")'],
  ['import * as n from "x"', 'const n = await __banataImport("x")'],
  ['import d, * as n from "x"', 'const n = await __banataImport("x"), { default: d } = n'],
  [
    'import j from "./a.json" with { type: "json" }',
    'const { default: j } = await __banataImport("./a.json", { with: { type: "json" } })',
  ],
  ['await import("x")', 'await __banataImport("x")'],
  ['"import a from b"; // import c', '"import a from b"; // import c'],
  ['const = 1', 'const = 1'],
])('%s', async (code, expected) => {
  expect(await rewriteImports(code)).toBe(expected);
});
