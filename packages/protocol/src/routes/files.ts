import { defineRoute } from '../route.ts';
import {
  fileLinkQuerySchema,
  fsChmodSchema,
  fsDownloadQuerySchema,
  fsFileQuerySchema,
  fsGlobQuerySchema,
  fsGlobReplySchema,
  fsGrepQuerySchema,
  fsGrepReplySchema,
  fsMkdirReplySchema,
  fsMkdirSchema,
  fsMoveSchema,
  fsPathReplySchema,
  fsPutFileQuerySchema,
  fsRemoveSchema,
  fsSignReplySchema,
  fsSignSchema,
  fsStatQuerySchema,
  fsStatReplySchema,
  fsUploadQuerySchema,
  fsUploadReplySchema,
  fsWatchEventSchema,
  fsWatchQuerySchema,
} from '../schemas/files.ts';
import { fsWriteReplySchema } from '../schemas/work.ts';
import { fileErrors, fileWriteErrors } from './file-errors.ts';

const reading = {
  tag: 'Files',
  method: 'GET',
  auth: 'sandbox_sessions:read',
  rateLimit: 'sandboxes.files',
} as const;
const audit: string[] = ['path', 'to', 'operation'];
const writing = {
  tag: 'Files',
  method: 'POST',
  auth: 'sandbox_sessions:exec',
  rateLimit: 'sandboxes.files',
  audit,
} as const;

export const fsStat = defineRoute({
  ...reading,
  id: 'sandboxes.fs.stat',
  path: '/v1/sandboxes/fs/stat',
  summary: 'Kind, length, mode, owner and time of a file or folder',
  query: fsStatQuerySchema,
  reply: { kind: 'json', status: 200, schema: fsStatReplySchema },
  errors: [...fileErrors, 'FILE_NOT_FOUND'],
});

export const fsMkdir = defineRoute({
  ...writing,
  id: 'sandboxes.fs.mkdir',
  path: '/v1/sandboxes/fs/mkdir',
  summary: 'Make a folder and its parents; one that is there is left as it is',
  body: fsMkdirSchema,
  reply: { kind: 'json', status: 200, schema: fsMkdirReplySchema },
  errors: fileWriteErrors,
});

export const fsMove = defineRoute({
  ...writing,
  id: 'sandboxes.fs.move',
  path: '/v1/sandboxes/fs/move',
  summary: 'Move or rename a file or folder; parents of the new path are made',
  body: fsMoveSchema,
  reply: { kind: 'json', status: 200, schema: fsPathReplySchema },
  errors: [...fileWriteErrors, 'FILE_NOT_FOUND', 'IS_DIRECTORY', 'DIRECTORY_NOT_EMPTY'],
});

export const fsRemove = defineRoute({
  ...writing,
  id: 'sandboxes.fs.remove',
  path: '/v1/sandboxes/fs/remove',
  summary: 'Remove a file, a link or a folder',
  body: fsRemoveSchema,
  reply: { kind: 'json', status: 200, schema: fsPathReplySchema },
  errors: [...fileWriteErrors, 'FILE_NOT_FOUND', 'DIRECTORY_NOT_EMPTY'],
});

export const fsChmod = defineRoute({
  ...writing,
  id: 'sandboxes.fs.chmod',
  path: '/v1/sandboxes/fs/chmod',
  summary: 'Set the permission bits of a file or folder',
  body: fsChmodSchema,
  reply: { kind: 'json', status: 200, schema: fsPathReplySchema },
  errors: [...fileWriteErrors, 'FILE_NOT_FOUND'],
});

export const fsGlob = defineRoute({
  ...reading,
  id: 'sandboxes.fs.glob',
  path: '/v1/sandboxes/fs/glob',
  summary: 'Files whose path matches a pattern, by path',
  description: 'A search ends after 25 s with what it has found; `truncated` is true then, too.',
  query: fsGlobQuerySchema,
  reply: { kind: 'json', status: 200, schema: fsGlobReplySchema },
  errors: [...fileErrors, 'FILE_NOT_FOUND'],
});

export const fsGrep = defineRoute({
  ...reading,
  id: 'sandboxes.fs.grep',
  path: '/v1/sandboxes/fs/grep',
  summary: 'Lines of files that match a regular expression',
  description:
    'By ripgrep, with its defaults: hidden files, what .gitignore names, and binary files are passed over. A search ends after 25 s with what it has found; `truncated` is true then, too.',
  query: fsGrepQuerySchema,
  reply: { kind: 'json', status: 200, schema: fsGrepReplySchema },
  errors: [...fileErrors, 'FILE_NOT_FOUND'],
});

export const fsWatch = defineRoute({
  ...reading,
  id: 'sandboxes.fs.watch',
  path: '/v1/sandboxes/fs/watch',
  summary: 'Changes of a folder as they happen',
  query: fsWatchQuerySchema,
  reply: {
    kind: 'sse',
    description:
      'Events `ready` (every change from then on is seen), `changes`, `overflow` (changes were lost: read the folder anew), `end` (`reason` "REMOVED": the folder is gone, "TOO_MANY_WATCHES": it has grown beyond the limit); `error` (the body of an error) when it breaks off. A heartbeat comes every 10 s.',
    schema: fsWatchEventSchema,
  },
  errors: [...fileErrors, 'FILE_NOT_FOUND'],
});

export const fsGetFile = defineRoute({
  ...reading,
  id: 'sandboxes.fs.getFile',
  path: '/v1/sandboxes/fs/file',
  head: true,
  summary: 'Bytes of a file of any size',
  query: fsFileQuerySchema,
  reply: { kind: 'bytes', description: 'The file.', contentType: 'application/octet-stream', ranges: true },
  errors: [...fileErrors, 'FILE_NOT_FOUND', 'IS_DIRECTORY', 'NOT_A_FILE', 'RANGE_NOT_SATISFIABLE'],
});

export const fsPutFile = defineRoute({
  ...writing,
  id: 'sandboxes.fs.putFile',
  method: 'PUT',
  path: '/v1/sandboxes/fs/file',
  summary: 'Write a file of any size from raw bytes',
  description:
    'Parent folders are made. The file appears, or takes the place of the old one, when all of it has come; a transfer that breaks off leaves nothing behind.',
  query: fsPutFileQuerySchema,
  rawBody: true,
  reply: { kind: 'json', status: 200, schema: fsWriteReplySchema },
  errors: [...fileWriteErrors, 'IS_DIRECTORY', 'NOT_A_FILE'],
});

export const fsUpload = defineRoute({
  ...writing,
  id: 'sandboxes.fs.upload',
  path: '/v1/sandboxes/fs/upload',
  summary: 'Unpack a tar archive into a folder',
  description:
    'Plain, or compressed with gzip or zstd, which is found out by itself. Files that are there are replaced. Absolute paths, "..", ways through symbolic links, hard links to elsewhere, devices and FIFOs are refused; setuid, setgid and sticky bits and owners are dropped.',
  query: fsUploadQuerySchema,
  rawBody: true,
  rawType: 'application/x-tar',
  reply: { kind: 'json', status: 200, schema: fsUploadReplySchema },
  errors: [...fileWriteErrors, 'FILE_TOO_LARGE', 'ARCHIVE_INVALID', 'ARCHIVE_REFUSED'],
});

export const fsDownload = defineRoute({
  ...reading,
  id: 'sandboxes.fs.download',
  path: '/v1/sandboxes/fs/download',
  summary: 'A folder, or a file, as an archive: tar or zip',
  description: 'Paths in it begin at the folder. An archive that cannot be finished breaks off.',
  query: fsDownloadQuerySchema,
  reply: { kind: 'bytes', description: 'The archive.', contentType: 'application/x-tar' },
  errors: [...fileErrors, 'FILE_NOT_FOUND'],
});

export const fsSign = defineRoute({
  ...writing,
  id: 'sandboxes.fs.sign',
  path: '/v1/sandboxes/fs/sign',
  summary: 'A URL under which one file can be downloaded or uploaded without a key',
  description:
    'For GET and HEAD, or for PUT with the bytes as the body; pages of any origin may use it. It is good until `expiresAt`, and no longer than the sandbox lives.',
  body: fsSignSchema,
  reply: { kind: 'json', status: 200, schema: fsSignReplySchema },
  errors: ['SANDBOX_NOT_FOUND', 'SANDBOX_NOT_READY'],
});

export const linkGetFile = defineRoute({
  id: 'files.content',
  method: 'GET',
  head: true,
  path: '/v1/files/content',
  tag: 'Files',
  summary: 'Download a file by a signed link',
  description: 'Always as an attachment. Any origin may use it.',
  auth: 'link',
  query: fileLinkQuerySchema,
  reply: { kind: 'bytes', description: 'The file.', contentType: 'application/octet-stream', ranges: true },
  errors: [...fileErrors, 'FILE_NOT_FOUND', 'IS_DIRECTORY', 'NOT_A_FILE', 'RANGE_NOT_SATISFIABLE'],
});

export const linkPutFile = defineRoute({
  id: 'files.upload',
  method: 'PUT',
  path: '/v1/files/content',
  tag: 'Files',
  summary: 'Upload a file by a signed link',
  description: 'Any origin may use it; OPTIONS answers a browser’s question beforehand.',
  auth: 'link',
  query: fileLinkQuerySchema,
  rawBody: true,
  reply: { kind: 'json', status: 200, schema: fsWriteReplySchema },
  errors: [...fileWriteErrors, 'IS_DIRECTORY', 'NOT_A_FILE', 'FILE_TOO_LARGE'],
});
