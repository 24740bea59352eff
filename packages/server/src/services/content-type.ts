import { getMimeType, mimes } from 'hono/utils/mime';

/** A media type as a header may carry it, with parameters or without. */
export const CONTENT_TYPE = /^[\w.+-]+\/[\w.+-]+(?:; ?[\w-]+=[\w.-]+)*$/;

const openDocument = 'application/vnd.oasis.opendocument';
const openXml = 'application/vnd.openxmlformats-officedocument';

/** What sandboxes make and Hono's table leaves out. Names as registered at IANA, where they are. */
const types: Record<string, string> = {
  ...mimes,
  doc: 'application/msword',
  docx: `${openXml}.wordprocessingml.document`,
  har: 'application/json',
  log: 'text/plain',
  md: 'text/markdown',
  odp: `${openDocument}.presentation`,
  ods: `${openDocument}.spreadsheet`,
  odt: `${openDocument}.text`,
  parquet: 'application/vnd.apache.parquet',
  ppt: 'application/vnd.ms-powerpoint',
  pptx: `${openXml}.presentationml.presentation`,
  py: 'text/x-python',
  sh: 'application/x-sh',
  tar: 'application/x-tar',
  // Hono's is a video's.
  ts: 'text/plain',
  xls: 'application/vnd.ms-excel',
  xlsx: `${openXml}.spreadsheetml.sheet`,
  yaml: 'application/yaml',
  yml: 'application/yaml',
  zst: 'application/zstd',
};

/** Media type by file name; what is not known is a stream of bytes. */
export function contentTypeOf(name: string): string {
  return getMimeType(name, types) ?? 'application/octet-stream';
}
