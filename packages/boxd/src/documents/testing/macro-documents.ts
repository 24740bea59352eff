import { flat } from './sample-documents.ts';

/** A table with one cell. */
const TABLE =
  '<table:table table:name="S"><table:table-row><table:table-cell office:value-type="string"><text:p>content</text:p></table:table-cell></table:table-row></table:table>';

/**
 * What is between a document's beginning and its body: Basic that leaves the folder `mark`, and the call of it when the
 * document is opened (OpenDocument 1.3, part 3, 3.12 and 3.13).
 */
function macro(mark: string): string {
  const source = `Sub Main\nMkDir "${mark}"\nEnd Sub`;
  return [
    '<office:scripts><office:script script:language="ooo:Basic"><ooo:libraries>',
    '<ooo:library-embedded ooo:name="Standard"><ooo:module ooo:name="Module1">',
    `<ooo:source-code>${source.replaceAll('"', '&quot;')}</ooo:source-code>`,
    '</ooo:module></ooo:library-embedded></ooo:libraries></office:script>',
    '<office:event-listeners><script:event-listener script:language="ooo:script" script:event-name="dom:load" ',
    'xlink:type="simple" xlink:href="vnd.sun.star.script:Standard.Module1.Main?language=Basic&amp;location=document"/>',
    '</office:event-listeners></office:scripts>',
  ].join('');
}

/**
 * A Python script that opens a document with the office that converts: of `path`, with what it is told of macros, and then
 * waits some seconds for the macro's folder, since the office calls macros a moment after a document is there.
 */
const OPENING = `import os, sys, tempfile, time
sys.path.insert(0, '/opt/banata/libexec/documents')
import office
path, told, seconds = os.path.abspath(sys.argv[1]), sys.argv[2], float(sys.argv[3])
kind = {'fodt': 'text', 'fods': 'spreadsheet'}[path.rsplit('.', 1)[1]]
opened = office.Office(tempfile.mkdtemp())
opened.convert(path, path + '.pdf', kind=kind, form='pdf', load_options=told)
end = time.monotonic() + seconds
while not os.path.exists(path + '.ran') and time.monotonic() < end:
    time.sleep(0.05)
os._exit(0)
`;

/** Documents whose macro, when it runs, leaves a folder beside them under their name with `.ran`; and the script. */
export const opening: { documents: Readonly<Record<string, string>>; script: string } = {
  documents: {
    'macro.fodt': flat(
      'text',
      '<office:text><text:p>content</text:p></office:text>',
      macro('/workspace/macro.fodt.ran'),
    ),
    'macro.fods': flat(
      'spreadsheet',
      `<office:spreadsheet>${TABLE}</office:spreadsheet>`,
      macro('/workspace/macro.fods.ran'),
    ),
  },
  script: OPENING,
};
