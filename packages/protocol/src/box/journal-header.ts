/**
 * Header of the daemon's replies: cursor of the newest entry of its journal, in decimal. Absent while that is empty, so
 * that a server that does not follow the journal learns that there is something to read.
 */
export const JOURNAL_HEADER = 'x-banata-journal';
