/**
 * A Python script that writes an OpenDocument text, encrypted as its specification has it (OpenDocument 1.3, part 2,
 * 4: AES-256 in CBC mode, PBKDF2): LibreOffice writes such files only from its user interface.
 */
export function encryptedText(path: string, content: string, password: string): string {
  return SCRIPT.replace('PASSWORD', password).replace('PATH', path).replace('CONTENT', content);
}

const SCRIPT = String.raw`import zipfile,hashlib,os,base64,subprocess,zlib
pw=b'PASSWORD'
def enc(data):
    salt,iv=os.urandom(16),os.urandom(16)
    key=hashlib.pbkdf2_hmac('sha1',hashlib.sha256(pw).digest(),salt,1024,32)
    c=zlib.compressobj(9,zlib.DEFLATED,-15); raw=c.compress(data)+c.flush()
    ct=subprocess.run(['openssl','enc','-aes-256-cbc','-K',key.hex(),'-iv',iv.hex()],input=raw,capture_output=True,check=True).stdout
    chk=base64.b64encode(hashlib.sha256(raw[:1024]).digest()).decode()
    b=lambda x:base64.b64encode(x).decode()
    return ct,f'<manifest:encryption-data manifest:checksum-type="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0#sha256-1k" manifest:checksum="{chk}"><manifest:algorithm manifest:algorithm-name="http://www.w3.org/2001/04/xmlenc#aes256-cbc" manifest:initialisation-vector="{b(iv)}"/><manifest:key-derivation manifest:key-derivation-name="PBKDF2" manifest:key-size="32" manifest:iteration-count="1024" manifest:salt="{b(salt)}"/><manifest:start-key-generation manifest:start-key-generation-name="http://www.w3.org/2000/09/xmldsig#sha256" manifest:key-size="32"/></manifest:encryption-data>'
body='<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.3"><office:body><office:text><text:p>CONTENT</text:p></office:text></office:body></office:document-content>'.encode('utf-8')
ct,e=enc(body)
z=zipfile.ZipFile('/workspace/PATH','w')
z.writestr('mimetype','application/vnd.oasis.opendocument.text')
z.writestr('content.xml',ct)
z.writestr('META-INF/manifest.xml',f'<?xml version="1.0" encoding="UTF-8"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3"><manifest:file-entry manifest:full-path="/" manifest:version="1.3" manifest:media-type="application/vnd.oasis.opendocument.text"/><manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml" manifest:size="{len(body)}">{e}</manifest:file-entry></manifest:manifest>')
z.close()
`;
