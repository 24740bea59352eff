/** Documents for tests, by file name; written by hand, so that what is in them can be seen. */
export const sampleDocuments: Readonly<Record<string, string>> = {
  'report.md': `# Quarterly report

Some *text* with \`code\`, 日本語, עברית and 😀.

| product | sold |
| ------- | ---- |
| apples  | 12   |
| pears   | 7    |
`,
  'numbers.csv': 'name;count;price\nÄpfel;3;1.5\n"a; b";4;2.25\n',
  'page.html': '<title>Page</title><h1>Grüße</h1><p>No charset is named.</p><ul><li>one<li>two</ul>',
  'note.txt': 'Plain text: naïve café\n',
  'letter.fodt': flat(
    'text',
    '<office:text><text:h text:outline-level="1">Letter</text:h><text:p>שלום עולם and مرحبا</text:p><text:p>end</text:p></office:text>',
  ),
  'sheets.fods': flat(
    'spreadsheet',
    `<office:spreadsheet>${sheet('One', 11)}${sheet('Two', 22)}</office:spreadsheet>`,
  ),
  'slides.fodp': flat(
    'presentation',
    `<office:presentation>${slide('First slide')}${slide('Second slide')}${slide('Third slide')}</office:presentation>`,
  ),
};

/** A text with a comment at its side, as most reviewed documents have. */
export const commented = flat(
  'text',
  '<office:text><text:p>before<office:annotation><dc:creator>Ada</dc:creator><dc:date>2026-01-01T00:00:00</dc:date><text:p>a remark</text:p></office:annotation> after</text:p></office:text>',
);

/** Groups within groups: LibreOffice goes down one call a level, until its stack ends. */
export const crashing = flat(
  'presentation',
  `<office:presentation><draw:page draw:name="a">${'<draw:g>'.repeat(18_000)}<draw:rect/>${'</draw:g>'.repeat(18_000)}</draw:page></office:presentation>`,
);

/** Documents that ask for something from the network when they are opened. */
export function withLinks(origin: string): Record<string, string> {
  const frame = `<draw:frame text:anchor-type="as-char" svg:width="2cm" svg:height="2cm"><draw:image xlink:href="${origin}/text.png" xlink:type="simple" xlink:show="embed" xlink:actuate="onLoad"/></draw:frame>`;
  return {
    'links.html': `<link rel="stylesheet" href="${origin}/style.css"><p>text</p><img src="${origin}/page.png" width="50" height="50">`,
    'links.md': `text ![picture](${origin}/markdown.png)\n`,
    'links.fodt': flat(
      'text',
      `<office:text><text:p>${frame}</text:p><text:section text:name="S"><text:section-source xlink:href="${origin}/section.html"/><text:p>x</text:p></text:section></office:text>`,
    ),
    'links.fods': flat(
      'spreadsheet',
      `<office:spreadsheet><table:table table:name="S"><table:table-row><table:table-cell table:formula="of:=WEBSERVICE(&quot;${origin}/service&quot;)" office:value-type="string"><text:p>old</text:p></table:table-cell><table:table-cell table:formula="of:='${origin}/other.ods'#$Sheet1.A1" office:value-type="float" office:value="1"/></table:table-row></table:table></office:spreadsheet>`,
    ),
  };
}

function sheet(name: string, value: number): string {
  return `<table:table table:name="${name}"><table:table-row><table:table-cell office:value-type="string"><text:p>in ${name}</text:p></table:table-cell><table:table-cell office:value-type="float" office:value="${value}"><text:p>${value}</text:p></table:table-cell></table:table-row></table:table>`;
}

function slide(text: string): string {
  return `<draw:page draw:name="${text}"><draw:frame svg:width="20cm" svg:height="5cm" svg:x="2cm" svg:y="2cm"><draw:text-box><text:p>${text}</text:p></draw:text-box></draw:frame></draw:page>`;
}

/** An OpenDocument file in its form of a single XML file; `head` comes before its body. */
export function flat(kind: 'text' | 'spreadsheet' | 'presentation', body: string, head = ''): string {
  const names = Object.entries({
    office: 'office',
    text: 'text',
    table: 'table',
    draw: 'drawing',
    svg: 'svg-compatible',
    fo: 'xsl-fo-compatible',
    style: 'style',
    script: 'script',
  }).map(([prefix, name]) => `xmlns:${prefix}="urn:oasis:names:tc:opendocument:xmlns:${name}:1.0"`);
  const root = `xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:ooo="http://openoffice.org/2004/office" xmlns:dom="http://www.w3.org/2001/xml-events" office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.${kind}"`;
  return `<?xml version="1.0" encoding="UTF-8"?><office:document ${names.join(' ')} ${root}>${head}<office:body>${body}</office:body></office:document>`;
}
