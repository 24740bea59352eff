// Stands where the box daemon stands while drivers are tested: answers the health check and runs commands as root.
const { execFile } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { createServer } = require('node:http');

const { port, token } = JSON.parse(readFileSync('/run/banata/boxd.json', 'utf8'));

function run(command, response) {
  execFile('/bin/bash', ['-c', command], { timeout: 20_000 }, (error, stdout, stderr) => {
    const exitCode = error ? (error.code ?? 128) : 0;
    response.end(JSON.stringify({ exitCode, output: `${stdout}${stderr}`.trim() }));
  });
}

createServer((request, response) => {
  // The next box at this address must not get a connection of this one.
  response.setHeader('connection', 'close');
  if (request.url === '/health') return response.end('ok');
  if (request.headers.authorization !== `Bearer ${token}`) return response.writeHead(401).end();
  let command = '';
  request.on('data', (chunk) => (command += chunk));
  request.on('end', () => run(command, response));
}).listen(port, '0.0.0.0');
